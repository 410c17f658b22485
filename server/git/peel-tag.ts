import type { Oid } from '../domain/ids.ts';
import type { ObjectDb } from './object-db.ts';
import type { GitObjectType } from './object-storage.ts';
import { parseTag } from './objects.ts';

/** Tags of tags are followed this far; nobody makes longer chains on purpose. */
export const MAX_TAG_DEPTH = 10;

/**
 * What an object leads to in the end: itself, unless it is an annotated tag. Undefined for a chain of too many tags.
 * Throws `CorruptObject` when one of them is missing.
 */
export async function peelTag(
  objects: Pick<ObjectDb, 'get'>,
  object: { readonly oid: Oid; readonly type: GitObjectType },
): Promise<{ readonly oid: Oid; readonly type: GitObjectType } | undefined> {
  let { oid, type } = object;
  for (let depth = 0; type === 'tag'; depth += 1) {
    if (depth === MAX_TAG_DEPTH) return undefined;
    const tag = parseTag((await objects.get(oid, 'tag')).content);
    oid = tag.object;
    type = tag.type;
  }
  return { oid, type };
}
