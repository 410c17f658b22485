const WINDOW_MS = 8000;

/** Bytes per second over the last few seconds; undefined until there is enough to judge by. */
export function makeRate(now: () => number) {
  let marks: { readonly at: number; readonly bytes: number }[] = [];
  return {
    mark(bytes: number): void {
      const at = now();
      marks = [...marks.filter((mark) => at - mark.at < WINDOW_MS), { at, bytes }];
    },
    perSecond(): number | undefined {
      const [first] = marks;
      const last = marks.at(-1);
      if (!first || !last || last.at - first.at < 1000) return undefined;
      return Math.max(0, ((last.bytes - first.bytes) / (last.at - first.at)) * 1000);
    },
    reset(): void {
      marks = [];
    },
  };
}
