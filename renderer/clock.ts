import { ref, readonly } from 'vue';

const TICK_MS = 30_000;
const current = ref(new Date());
setInterval(() => {
  current.value = new Date();
}, TICK_MS);

/** The time of day for ages on the page; moves every half minute. */
export const now = readonly(current);
