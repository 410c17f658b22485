import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import type { ChosenFile } from './queue.ts';

/** Files chosen on one page and uploaded on another: first-run setup makes the repo, the upload page takes them. */
export const usePendingFiles = defineStore('pending-files', () => {
  const files = shallowRef<readonly ChosenFile[]>([]);
  const take = (): readonly ChosenFile[] => {
    const taken = files.value;
    files.value = [];
    return taken;
  };
  return { files, take };
});
