import type { Answer, RequestOptions } from '../support/hub.ts';
import { tokenOf } from '../support/scenario.ts';
import type { World } from './world.ts';

/** One input and what must come of it. */
export interface Case {
  readonly name: string;
  /**
   * The status, and the error code where it is a refusal: `400 InvalidName`. `none` where the connection ends without
   * an answer.
   */
  readonly expected: string;
  readonly send: (world: World) => Promise<Answer>;
  /** The input is good, and something is kept of it. */
  readonly isKept?: boolean;
  /** What must hold beyond the answer. Throws. */
  readonly check?: (answer: Answer, world: World) => void | Promise<void>;
  /** Route that this needs. While the hub does not offer it, 501 is the right answer. */
  readonly needs?: string;
}

/** A row of the reference, with each of its variants as a case of its own. */
export interface Row {
  readonly id: string;
  readonly input: string;
  readonly cases: readonly Case[];
}

export const row = (id: string, input: string, cases: readonly Case[]): Row => ({ id, input, cases });

export type Send = Case['send'];
type More = Pick<Case, 'isKept' | 'check' | 'needs'>;

export const one = (expected: string, name: string, send: Send, more: More = {}): Case => ({
  name,
  expected,
  send,
  ...more,
});

const LONGEST_NAME = 60;

/** How a value may stand in the name of a test. */
export function named(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(JSON.stringify(value));
  const ascii = text.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
  return ascii.length > LONGEST_NAME ? `${ascii.slice(0, LONGEST_NAME)}... (${text.length})` : ascii;
}

/** The same for each of several values. */
export const each = <Value>(
  expected: string,
  values: readonly Value[],
  send: (value: Value) => Send,
  more: More = {},
): readonly Case[] => values.map((value) => one(expected, named(value), send(value), more));

/** A request of the owner of `owner/m1`. */
export const ask =
  (method: string, target: string, options: RequestOptions = {}): Send =>
  ({ hub }) =>
    hub.send(method, target, { token: tokenOf('owner'), ...options });

export const asNobody =
  (method: string, target: string, options: RequestOptions = {}): Send =>
  ({ hub }) =>
    hub.send(method, target, options);

/** JSON as a text of our own, which may be none. */
export const jsonText = (text: string | Buffer): RequestOptions => ({
  body: Buffer.from(text),
  headers: { 'content-type': 'application/json' },
});

/** Lines of a request head, and what follows it. */
export const head = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

/** Bytes on a connection; `HOST` stands for the name of the hub. */
export const bytes =
  (text: string | ((world: World) => string | Buffer)): Send =>
  async (world) => {
    const written = typeof text === 'string' ? text.replaceAll('HOST', world.hub.host) : text(world);
    return readAnswer(await world.hub.raw(written));
  };

/** The first final answer of a connection. Status 0 where there is none. */
export function readAnswer(text: string): Answer {
  const end = text.indexOf('\r\n\r\n');
  if (/^HTTP\/1\.1 1[0-9]{2} /.test(text)) return readAnswer(text.slice(end + 4));
  const [first = '', ...lines] = (end < 0 ? text : text.slice(0, end)).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const rest = end < 0 ? '' : text.slice(end + 4);
  const length = headers['content-length'];
  const body = Buffer.from(length === undefined ? rest : rest.slice(0, Number(length)), 'latin1');
  return {
    status: Number(/^HTTP\/1\.[01] ([0-9]{3}) /.exec(first)?.[1] ?? 0),
    headers,
    body,
    text: body.toString('utf8'),
    json: <Shape>() => JSON.parse(body.toString('utf8')) as Shape,
  };
}
