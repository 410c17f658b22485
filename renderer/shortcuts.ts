import { onBeforeUnmount, onMounted } from 'vue';

/** A single key, or `g` and a letter one after the other (`g m`). */
export type ShortcutKeys = string;

const SEQUENCE_MS = 1500;
const actions = new Map<ShortcutKeys, () => void>();

/** Binds keys for as long as the component is there. The last one bound wins and gives them back when it goes. */
export function useShortcut(keys: ShortcutKeys, run: () => void): void {
  let before: (() => void) | undefined;
  onMounted(() => {
    before = actions.get(keys);
    actions.set(keys, run);
  });
  onBeforeUnmount(() => {
    if (actions.get(keys) !== run) return;
    if (before) actions.set(keys, before);
    else actions.delete(keys);
  });
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  target.closest('input, textarea, select, [contenteditable], [role="dialog"], [role="menu"]') !== null;

/** Listens for the bound keys on the whole page while the component is there and `enabled` says so. */
export function useShortcutListener(enabled: () => boolean): void {
  let prefix = '';
  let prefixAt = 0;
  const listen = (event: KeyboardEvent): void => {
    if (!enabled() || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : '';
    if (key === '') return;
    const waiting = prefix !== '' && event.timeStamp - prefixAt < SEQUENCE_MS;
    const run = actions.get(waiting ? `${prefix} ${key}` : key);
    prefix = !waiting && key === 'g' ? key : '';
    prefixAt = event.timeStamp;
    if (!run) return;
    event.preventDefault();
    run();
  };
  onMounted(() => document.addEventListener('keydown', listen));
  onBeforeUnmount(() => document.removeEventListener('keydown', listen));
}
