export interface PriorityQueue<Item> {
  push(item: Item): void;
  /** Take the item that comes before all others; undefined when there is none. */
  pop(): Item | undefined;
}

/** A binary heap; `comesBefore` says which of two items is taken first. */
export function createPriorityQueue<Item>(comesBefore: (a: Item, b: Item) => boolean): PriorityQueue<Item> {
  const heap: Item[] = [];
  const at = (i: number): Item => heap[i] as Item;
  return {
    push(item) {
      let i = heap.length;
      heap.push(item);
      while (i > 0) {
        const parent = (i - 1) >>> 1;
        if (!comesBefore(item, at(parent))) break;
        heap[i] = at(parent);
        i = parent;
      }
      heap[i] = item;
    },
    pop() {
      const top = heap[0];
      const last = heap.pop();
      if (top === undefined || last === undefined || heap.length === 0) return top;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && comesBefore(at(child + 1), at(child))) child += 1;
        if (!comesBefore(at(child), last)) break;
        heap[i] = at(child);
        i = child;
      }
      heap[i] = last;
      return top;
    },
  };
}
