export interface Job {
  readonly id: number;
  readonly kind: string;
  readonly key: string;
  readonly payload: string;
  readonly attempts: number;
}

export interface JobStore {
  /** Put a job in line; while one of the same kind and key waits unclaimed this changes nothing. */
  enqueue(job: { kind: string; key: string; payload: string; runAt: number }, now: number): Promise<void>;
  /** Claim the next due job for `leaseMs`; jobs whose lease ran out are due again. */
  claim(now: number, leaseMs: number): Promise<Job | undefined>;
  /** Make every claimed job due again. Only for a process that knows that no other one works on them. */
  releaseAll(now: number): Promise<void>;
  finish(id: number): Promise<void>;
  /** Try again later, remembering why. */
  retry(id: number, runAt: number, problem: string): Promise<void>;
  counts(): Promise<{ waiting: number; running: number }>;
}
