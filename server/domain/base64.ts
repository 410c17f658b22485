import { HubError } from './errors.ts';

/** How many characters at the end of a text stand for nothing. */
export const paddingOf = (text: string): number => (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);

/**
 * Standard base64 with padding, and nothing else. Node's decoder skips what it does not know and takes characters
 * beyond ASCII by their low byte, so what it made is compared with how much there should be, and the last group with
 * how it would be written. Throws InvalidContent.
 */
export function decodeBase64(text: string): Buffer {
  const padding = paddingOf(text);
  const bytes = Buffer.from(text, 'base64');
  const isWhole = text.length % 4 === 0 && bytes.byteLength === (text.length / 4) * 3 - padding;
  const isAscii = Buffer.byteLength(text) === text.length;
  const lastGroup = bytes.subarray(-(3 - padding)).toString('base64');
  if (!isWhole || !isAscii || !text.endsWith(lastGroup) || text.includes('-') || text.includes('_')) {
    throw invalidBase64();
  }
  return bytes;
}

export const invalidBase64 = (): HubError =>
  new HubError('InvalidContent', 'The content is not valid base64.');
