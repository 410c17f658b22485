import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { replaceFile } from './kept-settings.ts';

const savedState = z.object({
  x: z.number().int().optional(),
  y: z.number().int().optional(),
  width: z.number().int().min(420).max(20_000),
  height: z.number().int().min(320).max(20_000),
  isMaximized: z.boolean(),
  /** The person has been told once that closing the window leaves the hub running. */
  knowsTray: z.boolean(),
});

export type WindowState = z.infer<typeof savedState>;

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const firstWindowState: WindowState = {
  width: 1280,
  height: 860,
  isMaximized: false,
  knowsTray: false,
};

/** At least this much of the title bar has to be on a screen for a person to grab it. */
const grip = 80;

/** The state with its place kept only if it is still on one of the screens (`areas`, without task bars). */
export function placeOnScreens(state: WindowState, areas: readonly Area[]): WindowState {
  const { x, y, ...size } = state;
  if (x === undefined || y === undefined) return size;
  const isReachable = areas.some(
    (area) =>
      x + state.width >= area.x + grip &&
      x <= area.x + area.width - grip &&
      y >= area.y &&
      y <= area.y + area.height - grip,
  );
  return isReachable ? state : size;
}

/** The window as it was left. A file that is missing or odd counts as none: it is not worth a question. */
export async function readWindowState(path: string): Promise<WindowState> {
  const text = await readFile(path, 'utf8').catch(() => '');
  try {
    return savedState.parse(JSON.parse(text));
  } catch {
    return firstWindowState;
  }
}

export async function writeWindowState(path: string, state: WindowState): Promise<void> {
  await replaceFile(path, `${JSON.stringify(state)}\n`);
}
