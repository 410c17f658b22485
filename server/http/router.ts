import type { Method } from '../contract/route.ts';
import { KIND_SEGMENTS } from '../contract/shapes.ts';

export interface Match<Target> {
  readonly target: Target;
  /** Raw values of the named parts. */
  readonly params: Readonly<Record<string, string>>;
  /** Raw parts under a final `*` or `**`. */
  readonly rest: readonly string[];
}

interface Node<Target> {
  readonly literals: Map<string, Node<Target>>;
  /** Named parts in order of registration; `kind` only takes the four kinds. */
  readonly named: { readonly name: string; readonly node: Node<Target> }[];
  readonly targets: Map<Method, Target>;
  readonly restTargets: Map<Method, { readonly target: Target; readonly mayBeEmpty: boolean }>;
  /** Targets of a rest with a word behind it, by that word. */
  readonly closedRests: Map<string, Map<Method, Target>>;
}

const createNode = <Target>(): Node<Target> => ({
  literals: new Map(),
  named: [],
  targets: new Map(),
  restTargets: new Map(),
  closedRests: new Map(),
});

/**
 * Finds routes by raw path parts, case-sensitive: literal parts first, then named ones, then the rest, where one with a
 * word behind it goes first.
 */
export interface Router<Target> {
  add(method: Method, path: string, target: Target): void;
  find(method: Method, parts: readonly string[]): Match<Target> | undefined;
  /** Methods that some route takes at this path. */
  methods(parts: readonly string[]): readonly Method[];
}

export function createRouter<Target>(): Router<Target> {
  const root = createNode<Target>();

  function addParts(method: Method, parts: readonly string[], target: Target): void {
    let node = root;
    for (const [index, part] of parts.entries()) {
      const word = part === '*' ? parts[index + 1] : undefined;
      if (word !== undefined) {
        const targets = node.closedRests.get(word) ?? new Map<Method, Target>();
        node.closedRests.set(word, targets.set(method, target));
        return;
      }
      if (part === '*' || part === '**') {
        node.restTargets.set(method, { target, mayBeEmpty: part === '**' });
        return;
      }
      node = child(node, part);
    }
    node.targets.set(method, target);
  }

  return {
    add(method, path, target) {
      const parts = path.slice(1).split('/');
      if (parts[0] !== ':prefix?') {
        addParts(method, parts, target);
        return;
      }
      addParts(method, parts.slice(1), target);
      for (const segment of Object.keys(KIND_SEGMENTS))
        addParts(method, [`=prefix=${segment}`, ...parts.slice(1)], target);
    },
    find: (method, parts) => findFrom(root, method, parts, 0, {}),
    methods: (parts) =>
      (['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).filter((method) =>
        findFrom(root, method, parts, 0, {}),
      ),
  };
}

function child<Target>(node: Node<Target>, part: string): Node<Target> {
  const named = /^:(.+)$/.exec(part)?.[1];
  if (named === undefined) {
    const key = part.replace(/^=prefix=/, '');
    const found = node.literals.get(key) ?? createNode<Target>();
    node.literals.set(key, found);
    return found;
  }
  const found = node.named.find((entry) => entry.name === named);
  if (found) return found.node;
  const created = createNode<Target>();
  node.named.push({ name: named, node: created });
  return created;
}

function findFrom<Target>(
  node: Node<Target>,
  method: Method,
  parts: readonly string[],
  at: number,
  params: Record<string, string>,
): Match<Target> | undefined {
  if (at === parts.length) {
    const target = node.targets.get(method);
    if (target !== undefined) return { target, params, rest: [] };
    const empty = node.restTargets.get(method);
    return empty?.mayBeEmpty ? { target: empty.target, params, rest: [] } : undefined;
  }
  const part = parts[at] ?? '';
  const literal = node.literals.get(part);
  if (literal) {
    const isPrefix = at === 0 && Object.hasOwn(KIND_SEGMENTS, part);
    const found = findFrom(literal, method, parts, at + 1, isPrefix ? { ...params, prefix: part } : params);
    if (found) return found;
    // `/xet`, `/api` and the like are nobody's name: what is unknown below them is no repository (design, section 4).
    if (at === 0 && !isPrefix) return undefined;
  }
  for (const { name, node: next } of node.named) {
    if (name === 'kind' && !Object.hasOwn(KIND_SEGMENTS, part)) continue;
    const found =
      part === '' ? undefined : findFrom(next, method, parts, at + 1, { ...params, [name]: part });
    if (found) return found;
  }
  const closed = parts.length - at > 1 ? node.closedRests.get(parts.at(-1) ?? '')?.get(method) : undefined;
  if (closed !== undefined) return { target: closed, params, rest: parts.slice(at, -1) };
  const rest = node.restTargets.get(method);
  return rest ? { target: rest.target, params, rest: parts.slice(at) } : undefined;
}
