import type { IpcMain, IpcMainInvokeEvent, WebContents } from 'electron';
import { z } from 'zod';
import { isShellPage, mayShow } from './fence.ts';
import { channels, type CallName, type DesktopCalls } from './ipc.ts';

/** What may be sent on a channel, and who may send it. */
interface Rule<Values extends z.ZodTuple> {
  readonly values: Values;
  /** `shell`: only the starting and error pages. `any`: pages of the hub, too, which show what others wrote. */
  readonly from: 'shell' | 'any';
}

const rule = <Values extends z.ZodTuple>(from: Rule<Values>['from'], values: Values): Rule<Values> => ({
  from,
  values,
});

const rules = {
  copyText: rule('any', z.tuple([z.string().max(1_000_000)])),
  openExternal: rule('any', z.tuple([z.string().max(10_000)])),
  serverState: rule('any', z.tuple([])),
  restartServer: rule('any', z.tuple([])),
  openDataFolder: rule('any', z.tuple([])),
  notify: rule('any', z.tuple([z.object({ title: z.string().max(200), body: z.string().max(1_000) })])),
  pickPort: rule('shell', z.tuple([])),
  usePort: rule('shell', z.tuple([z.number().int().min(1).max(65_535)])),
  quit: rule('shell', z.tuple([])),
} as const satisfies { readonly [Name in CallName]: Rule<z.ZodTuple> };

/** The calls as the shell implements them: the answer may come later. */
export type DesktopActions = {
  readonly [Name in CallName]: (
    ...values: Parameters<DesktopCalls[Name]>
  ) => ReturnType<DesktopCalls[Name]> | Promise<ReturnType<DesktopCalls[Name]>>;
};

export interface SenderFacts {
  /** The contents of the app's window. Another window, or a frame inside this one, is a stranger. */
  readonly contents: () => WebContents | undefined;
  readonly hubUrl: () => string | undefined;
}

/**
 * Answers every channel of `ipc.ts`. A call from a frame that may not make it, or with other values than the
 * channel takes, is refused and warned of; the page sees a rejected promise.
 */
export function registerHandlers({
  ipcMain,
  actions,
  sender,
  warn,
}: {
  readonly ipcMain: Pick<IpcMain, 'handle'>;
  readonly actions: DesktopActions;
  readonly sender: SenderFacts;
  readonly warn: (sentence: string) => void;
}): void {
  for (const name of Object.keys(rules) as CallName[]) {
    const { from, values } = rules[name];
    // Which values fit which action is what the tuple above has checked.
    const act = actions[name] as (...checked: readonly unknown[]) => unknown;
    ipcMain.handle(channels[name], async (event: IpcMainInvokeEvent, ...sent: unknown[]) => {
      const frame = event.senderFrame;
      const url = frame?.url ?? '';
      const isOurs = frame !== null && frame.parent === null && event.sender === sender.contents();
      const isAllowed = from === 'shell' ? isShellPage(url) : mayShow(url, sender.hubUrl());
      if (!isOurs || !isAllowed) {
        warn(`Refused ${name} from ${url || 'a frame that is gone'}.`);
        throw new Error(`This page may not call ${name}.`);
      }
      const checked = values.safeParse(sent);
      if (!checked.success) {
        warn(`Refused ${name} with values it does not take.`);
        throw new Error(`${name} does not take these values.`);
      }
      return act(...checked.data);
    });
  }
}
