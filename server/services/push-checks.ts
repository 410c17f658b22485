import type { LargeObject } from '../db/questions/large-objects.ts';
import type { Database } from '../db/stores.ts';
import { HubError } from '../domain/errors.ts';
import type { Oid, Sha256 } from '../domain/ids.ts';
import { parsePointer, type LfsPointer } from '../domain/lfs.ts';
import { shown } from '../domain/names.ts';
import type { Repo } from '../domain/repo.ts';
import type { ObjectDb } from '../git/object-db.ts';
import { pointerAt } from '../git/pointer-list.ts';
import { pointerOid } from '../git/pointer-oid.ts';
import { findEntry } from '../git/tree-walk.ts';
import type { Clock } from '../platform/clock.ts';
import type { CardChecks } from './card-checks.ts';
import type { CheckedPack } from './pack-intake.ts';

/** Large files that a push brings into a repository. */
export interface PushLinks {
  /** Row keys. */
  readonly links: readonly number[];
  /** Where they lie, by row key, as far as that was found out. */
  readonly linkPaths: ReadonlyMap<number, string>;
}

/** What a push must keep to besides git's own rules: the same as API commits, in words for a terminal. */
export interface PushChecks {
  /**
   * Every pointer to a large file must lead to one that this repository holds or was just sent. Throws LfsNotUploaded
   * with the first paths. Answers besides what was sent again after it had been given up: pointers that the repository
   * has already, no git sends.
   */
  requireLargeFiles(repo: Repo, checked: CheckedPack): Promise<PushLinks>;
  /** A card that comes to lie at the root of a branch must be one that can be read. Throws InvalidMetadata. */
  requireReadableCard(objects: ObjectDb, before: Oid | undefined, after: Oid): Promise<void>;
}

const POINTERS_AT_ONCE = 500;
/** So many of the missing are named. */
const MAX_NAMED = 5;
/** In larger packs the way to each file is not looked for: it is read all over for that. */
const MAX_OBJECTS_WITH_PATHS = 100_000;
const CARD = 'README.md';

export function createPushChecks(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly cards: CardChecks;
  readonly maxCardBytes: number;
}): PushChecks {
  const { db, clock, cards, maxCardBytes } = parts;

  const cardOf = async (objects: ObjectDb, commit: Oid): Promise<Oid | undefined> => {
    const entry = await findEntry(objects, await objects.rootTree(commit), CARD);
    return entry?.type === 'blob' ? entry.oid : undefined;
  };

  /** Large files that wait for a commit, though the repository has their pointers. */
  async function sentAgain(repo: Repo, objects: ObjectDb): Promise<readonly number[]> {
    const again: number[] = [];
    for (let after = 0; ;) {
      const waiting = await db.read((stores) =>
        stores.largeObjects.listPending(repo.id, clock.now(), after, POINTERS_AT_ONCE),
      );
      const last = waiting.at(-1);
      if (!last) return again;
      const byPointer = new Map(waiting.map((object) => [pointerOid(object), object.id]));
      for (const oid of await objects.has([...byPointer.keys()])) again.push(byPointer.get(oid) as number);
      after = last.id;
    }
  }

  return {
    async requireLargeFiles(repo, { pack, objects, pathsOf }) {
      const { pointers } = pack;
      const links = new Map<number, Oid>();
      const missing: (LfsPointer & { readonly oid: Oid })[] = [];
      let missingCount = 0;
      for (let from = 0; from < pointers.count; from += POINTERS_AT_ONCE) {
        const length = Math.min(POINTERS_AT_ONCE, pointers.count - from);
        const asked = Array.from({ length }, (_, i) => pointerAt(pointers, from + i));
        const names = asked.map(({ sha256 }) => sha256);
        const found = await db.read((stores) =>
          stores.largeObjects.findForRepository(repo.id, names, clock.now()),
        );
        const held = new Map<Sha256, LargeObject>(found.map((object) => [object.sha256, object]));
        for (const pointer of asked) {
          const object = held.get(pointer.sha256);
          if (object?.sizeBytes === pointer.sizeBytes) links.set(object.id, pointer.oid);
          else {
            missingCount += 1;
            if (missing.length < MAX_NAMED) missing.push(pointer);
          }
        }
      }
      if (missingCount > 0) {
        const paths = await pathsOf(missing.map(({ oid }) => oid));
        throw notUploaded(
          missing.map(({ oid, sha256 }) => paths.get(oid) ?? sha256),
          missingCount,
        );
      }
      const linkPaths = new Map<number, string>();
      if (links.size > 0 && pack.objectCount <= MAX_OBJECTS_WITH_PATHS) {
        const paths = await pathsOf([...links.values()]);
        for (const [id, oid] of links) {
          const path = paths.get(oid);
          if (path !== undefined) linkPaths.set(id, path);
        }
      }
      const again = await sentAgain(repo, objects);
      return { links: [...new Set([...links.keys(), ...again])], linkPaths };
    },

    async requireReadableCard(objects, before, after) {
      const card = await cardOf(objects, after);
      if (card === undefined || (before && (await cardOf(objects, before)) === card)) return;
      const info = (await objects.infoMany([card])).get(card);
      if (info && info.sizeBytes > maxCardBytes) {
        throw new HubError('InvalidMetadata', `README.md may have ${maxCardBytes} bytes.`);
      }
      const { content } = await objects.get(card, 'blob');
      if (!parsePointer(content)) await cards.requireReadable(content);
    },
  };
}

function notUploaded(names: readonly string[], count: number): HubError {
  const named = names.map((name) => `"${shown(name)}"`).join(', ');
  const others = count > names.length ? ` and ${count - names.length} more` : '';
  const files = count === 1 ? 'The large file' : 'The large files';
  return new HubError(
    'LfsNotUploaded',
    `${files} ${named}${others} ${count === 1 ? 'was' : 'were'} not uploaded to this repository: run "git lfs push --all" for it first.`,
  );
}
