import { dialog, shell, type BrowserWindow } from 'electron';
import { externalLink } from './fence.ts';

/**
 * Shows where a link leads and opens it in the person's browser if they agree. False for an address that is
 * not opened: refused by them, or not plain http(s).
 */
export async function offerLink(url: string, window: BrowserWindow | undefined): Promise<boolean> {
  const target = externalLink(url);
  if (!target) return false;
  const question = {
    type: 'question' as const,
    message: 'Open this address in your browser?',
    detail: target,
    buttons: ['Open', 'Cancel'],
    defaultId: 0,
    cancelId: 1,
  };
  const { response } = window
    ? await dialog.showMessageBox(window, question)
    : await dialog.showMessageBox(question);
  if (response !== 0) return false;
  await shell.openExternal(target);
  return true;
}
