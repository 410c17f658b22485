import { expect } from 'vitest';
import type { Answer } from '../support/hub.ts';

/** What every refusal has in common (reliability reference, 3.1). `what` says which request it was. */
export function expectProperRefusal(answer: Answer, what = ''): void {
  const { headers, text, status } = answer;
  expect(status < 500 || status === 501, what).toBe(true);
  expect(headers['x-error-code'], what).toMatch(/^[A-Z][A-Za-z]+$/);
  // Printable ASCII, and what was sent is not in it with escapes that something could undo.
  expect(headers['x-error-message'], what).toMatch(/^[\x20-\x7e]+$/);
  expect(headers['x-request-id'], what).toMatch(/^[\w=;.:-]{8,128}$/);
  expect(text, what).not.toMatch(/\bat .+:\d+:\d+|node_modules|SQLITE|ENOENT/);
  // The answer to HEAD has no body, and git shows people plain text.
  if (headers['content-type']?.startsWith('text/plain')) expect(text, what).toMatch(/\S/);
  else if (text !== '')
    expect(answer.json(), what).toMatchObject({ error: expect.stringMatching(/\S/) as string });
}
