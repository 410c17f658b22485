import { computed, onBeforeUnmount, onMounted, ref, toValue, type MaybeRefOrGetter, type Ref } from 'vue';

/** Lists shorter than this are drawn whole: the browser's own search then finds everything. */
const WHOLE_UP_TO = 400;
const MARGIN_ROWS = 30;

/**
 * Which rows of a long table are near the screen, so that ten thousand of them cost no more than fifty. `before` and
 * `after` are the heights in px that stand for the rows left out.
 */
export function useRowWindow(body: Readonly<Ref<HTMLElement | null>>, count: MaybeRefOrGetter<number>) {
  const scrolled = ref(0);
  const rowHeight = ref(32);
  const screen = ref(window.innerHeight);

  let frame = 0;
  const measure = (): void => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      if (!body.value) return;
      const row = body.value.querySelector<HTMLElement>('tr[data-row]');
      if (row) rowHeight.value = row.getBoundingClientRect().height;
      scrolled.value = -body.value.getBoundingClientRect().top;
      screen.value = window.innerHeight;
    });
  };
  onMounted(() => {
    window.addEventListener('scroll', measure, { passive: true });
    window.addEventListener('resize', measure);
    measure();
  });
  onBeforeUnmount(() => {
    cancelAnimationFrame(frame);
    window.removeEventListener('scroll', measure);
    window.removeEventListener('resize', measure);
  });

  const range = computed(() => {
    const total = toValue(count);
    if (total <= WHOLE_UP_TO) return { first: 0, end: total };
    const first = Math.max(0, Math.floor(scrolled.value / rowHeight.value) - MARGIN_ROWS);
    const end = Math.ceil((scrolled.value + screen.value) / rowHeight.value) + MARGIN_ROWS;
    return { first: Math.min(first, total), end: Math.min(Math.max(end, first + MARGIN_ROWS), total) };
  });
  const before = computed(() => range.value.first * rowHeight.value);
  const after = computed(() => (toValue(count) - range.value.end) * rowHeight.value);
  return { range, before, after };
}
