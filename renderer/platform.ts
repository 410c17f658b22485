import type { AtollDesktop } from '../electron/ipc.ts';

/**
 * What the place this page runs in can do. Components ask here for a capability and never where they run; in a plain
 * browser a missing capability is undefined and the page says so in words.
 */
export interface Platform {
  /** Puts text on the clipboard. True only when it is really there. */
  readonly copyText: (text: string) => Promise<boolean>;
  /** Opens an address outside of this window. */
  readonly openExternal: (url: string) => void;
  /** Shows a notification of the system; undefined where there is none. */
  readonly notify: ((title: string, body: string) => void) | undefined;
}

declare global {
  interface Window {
    readonly atollDesktop?: AtollDesktop;
  }
}

/** The way that also works on plain-http addresses of a local network, where there is no clipboard object. */
function copyBySelection(text: string): boolean {
  const field = document.createElement('textarea');
  field.value = text;
  field.setAttribute('readonly', '');
  field.style.position = 'fixed';
  field.style.insetBlockStart = '-100vh';
  // Inside an open dialog, whose focus trap would take the focus back from anywhere else.
  const host = document.activeElement?.closest('[role="dialog"]') ?? document.body;
  const focused = document.activeElement;
  host.append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}

async function copyInBrowser(text: string): Promise<boolean> {
  if ('clipboard' in navigator) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copyBySelection(text); // refused by a permission or without focus: the older way may still work
    }
  }
  return copyBySelection(text);
}

const browser: Platform = {
  copyText: copyInBrowser,
  openExternal: (url) => void window.open(url, '_blank', 'noopener,noreferrer'),
  notify: undefined,
};

const inDesktop = (bridge: AtollDesktop): Platform => ({
  copyText: async (text) => {
    try {
      await bridge.copyText(text);
      return true;
    } catch {
      return copyInBrowser(text); // the shell refused the call: the page's own way may still work
    }
  },
  openExternal: (url) => void bridge.openExternal(url),
  notify: (title, body) => void bridge.notify({ title, body }),
});

export const platform: Platform = window.atollDesktop ? inDesktop(window.atollDesktop) : browser;
