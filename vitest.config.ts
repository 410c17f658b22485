import { defineConfig } from 'vitest/config';

const SECONDS = 1000;
/** What is waited for comes at once, or never: on a slow machine a second says nothing. */
const POLL_SECONDS = 15;

/** A project's tests; `seconds` is what one test or hook may take on a slow machine. */
const project = (name: string, seconds: number, options: { readonly oneFileAtATime?: boolean } = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: seconds * SECONDS,
    hookTimeout: seconds * SECONDS,
    expect: { poll: { timeout: POLL_SECONDS * SECONDS } },
    fileParallelism: !options.oneFileAtATime,
  },
});

export default defineConfig({
  test: {
    projects: [
      project('house', 60),
      project('unit', 20),
      project('conformance', 60),
      // These start whole hubs and measure time, so they do not share the machine with each other.
      project('integration', 180, { oneFileAtATime: true }),
      project('clients', 600, { oneFileAtATime: true }),
      project('desktop', 300, { oneFileAtATime: true }),
    ],
  },
});
