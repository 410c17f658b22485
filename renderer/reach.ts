/** Who can reach the hub, judged by the addresses it listens on. */
export type Reach = 'computer' | 'network';

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export const isLoopback = (origin: string): boolean => LOOPBACK.test(new URL(origin).hostname);

export const reachOf = (endpoints: readonly string[]): Reach =>
  endpoints.every(isLoopback) ? 'computer' : 'network';
