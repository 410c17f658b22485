import { HubError } from '../domain/errors.ts';
import type { ErrorCode, ErrorDetails } from '../domain/errors.ts';

/** From the pool to a worker. `id` names the message and comes back with its answer. */
export type Request =
  | { readonly kind: 'call'; readonly id: number; readonly task: string; readonly input: unknown }
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly session: number;
      readonly task: string;
      readonly input: unknown;
    }
  | { readonly kind: 'push'; readonly id: number; readonly session: number; readonly item: unknown }
  | { readonly kind: 'close' | 'abort'; readonly id: number; readonly session: number };

/** From a worker to the pool: exactly one per request. */
export type Response =
  | { readonly id: number; readonly ok: true; readonly output: unknown }
  | { readonly id: number; readonly ok: false; readonly failure: Failure };

/** An error on its way between threads: structured clone keeps neither the class nor the code of a HubError. */
export type Failure =
  | {
      readonly kind: 'refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: ErrorDetails;
      readonly cause: string | undefined;
    }
  | { readonly kind: 'bug'; readonly message: string; readonly stack: string | undefined };

export const packFailure = (error: unknown): Failure => {
  if (error instanceof HubError) {
    const { code, message, details, cause } = error;
    return {
      kind: 'refused',
      code,
      message,
      details,
      cause: cause === undefined ? undefined : String(cause),
    };
  }
  if (error instanceof Error) return { kind: 'bug', message: error.message, stack: error.stack };
  return { kind: 'bug', message: String(error), stack: undefined };
};

export const unpackFailure = (failure: Failure): Error => {
  if (failure.kind === 'refused') {
    const { code, message, details, cause } = failure;
    return new HubError(code, message, cause === undefined ? { details } : { details, cause });
  }
  const error = new Error(failure.message);
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
};
