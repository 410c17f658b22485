import { en } from './messages/en.ts';

/** Every text of the page, by subject. English is the first language and the shape of every other. */
export type Messages = typeof en;

export const m: Messages = en;
