import type { PublicId, Sha256, XetHash } from '../domain/ids.ts';

/**
 * The only file that spells object keys.
 *
 *     packs/<repository id>/<pack sha1>.pack    git packs, git's own format, immutable
 *     packs/<repository id>/<pack sha1>.idx     their index, version 2
 *     large/<aa>/<sha256>                       plain form of a large object
 *     xorbs/<aa>/<xet hash>                     xorb as uploaded, footer stripped
 *     xorbs/<aa>/<xet hash>.chunks              its chunk index: hashes, offsets, lengths
 *     uploads/<upload id>/<part number>         parts of an unfinished multipart upload
 *     probe/<id>                                written and read back by `readyz` and the storage check
 */
export const packKey = (repository: PublicId, packId: string): string => `packs/${repository}/${packId}.pack`;
export const packIndexKey = (repository: PublicId, packId: string): string =>
  `packs/${repository}/${packId}.idx`;
export const largeObjectKey = (sha256: Sha256): string => `large/${sha256.slice(0, 2)}/${sha256}`;
export const xorbKey = (hash: XetHash): string => `xorbs/${hash.slice(0, 2)}/${hash}`;
export const xorbChunksKey = (hash: XetHash): string => `xorbs/${hash.slice(0, 2)}/${hash}.chunks`;
export const uploadPartKey = (upload: PublicId, part: number): string =>
  `uploads/${upload}/${String(part).padStart(5, '0')}`;
export const probeKey = (id: string): string => `probe/${id}`;

/** Roots of the layout, for those who walk what is stored. */
export const KEY_ROOTS = {
  packs: 'packs/',
  large: 'large/',
  xorbs: 'xorbs/',
  uploads: 'uploads/',
  probes: 'probe/',
} as const;

/** Repository, pack id and upload id out of a stored key; empty text for a key of another kind. */
export const packOwner = (key: string): string => /^packs\/([^/]+)\//.exec(key)?.[1] ?? '';
export const packId = (key: string): string =>
  /^packs\/[^/]+\/([0-9a-f]+)\.(?:pack|idx)$/.exec(key)?.[1] ?? '';
export const uploadOwner = (key: string): string => /^uploads\/([^/]+)\//.exec(key)?.[1] ?? '';
export const largeObjectName = (key: string): string => /^large\/..\/([0-9a-f]{64})$/.exec(key)?.[1] ?? '';
export const xorbName = (key: string): string =>
  /^xorbs\/..\/([0-9a-f]{64})(?:\.chunks)?$/.exec(key)?.[1] ?? '';
