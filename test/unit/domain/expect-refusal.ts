import { expect } from 'vitest';
import { isHubError, type ErrorCode } from '../../../server/domain/errors.ts';

/** The code of the refusal that `work` throws. Fails when it throws anything else, or nothing. */
export function refusalOf(work: () => unknown): ErrorCode {
  try {
    work();
  } catch (error) {
    if (isHubError(error)) {
      // The sentence goes into a header, where anything but printable ASCII is trouble.
      expect(error.message).toMatch(/^[\x20-\x7e]+$/);
      return error.code;
    }
    throw error;
  }
  throw new Error('It was accepted.');
}
