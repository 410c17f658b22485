import { setFlagsFromString } from 'node:v8';

/** By how much what lives on V8's heap may grow before it is collected, in percent. */
const GROWTH_PERCENT = 40;

/**
 * V8 would let the heap grow to four times what lived after the last collection, and keeps the pages for as long as there
 * is work: the hub would have the size of its worst moment ever after. Goes for all threads of the process.
 */
export const boundHeapGrowth = (): void => setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
