import type { LargeObject } from '../db/questions/large-objects.ts';
import type { Upload, UploadPart } from '../db/questions/uploads.ts';
import type { Database, Stores } from '../db/stores.ts';
import { corruptObject, HubError, isHubError } from '../domain/errors.ts';
import {
  isPublicId,
  isSha256,
  type NamespaceId,
  type PublicId,
  type RepositoryId,
  type Sha256,
} from '../domain/ids.ts';
import { largeObjectKey, uploadPartKey } from '../objects/keys.ts';
import type { ByteSource, ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import { failPoint } from '../platform/fail-points.ts';
import type { Granted } from './authorize.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { Capabilities } from './capabilities.ts';
import { createHashBytes, drain, provedBytes } from './proved-bytes.ts';
import { requireWritable } from './writable.ts';

export interface LfsLimits {
  readonly maxObjectBytes: number;
  readonly partBytes: number;
  /** How long an upload may take from being announced to being committed. */
  readonly uploadTtlSeconds: number;
}

export interface LfsObjectName {
  readonly sha256: Sha256;
  readonly sizeBytes: number;
}

/** What a client is to do about one object it announced. */
export type UploadPlan =
  | { readonly kind: 'held' }
  /** `partBytes` where its batch goes by parts: then the whole object is the one part. */
  | { readonly kind: 'single'; readonly capability: string; readonly partBytes?: number }
  | {
      readonly kind: 'parts';
      readonly capability: string;
      readonly partCount: number;
      readonly partBytes: number;
    }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string };

export type DownloadPlan =
  | { readonly kind: 'link'; readonly capability: string }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string };

interface UploadFacts {
  readonly repositoryId: RepositoryId;
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  readonly uploadId: PublicId | undefined;
}

export interface LinkedObject {
  readonly object: LargeObject;
  readonly repositoryId: RepositoryId;
  /** Absent for an anonymous reader. */
  readonly user: NamespaceId | undefined;
}

/** A part as the client names it when it completes an upload. */
interface GivenPart {
  readonly partNumber: number;
  readonly etag: string;
}

export interface Lfs {
  planUploads(
    granted: Granted<'write'>,
    objects: readonly LfsObjectName[],
    mayUseParts: boolean,
  ): Promise<readonly UploadPlan[]>;
  planDownloads(
    granted: Granted<'read'>,
    objects: readonly LfsObjectName[],
  ): Promise<readonly DownloadPlan[]>;
  /**
   * Receive an object whole; answers its entity tag. `sizeBytes` is what the client announced for this request. The
   * arrays of `source` are given up, here and below: their memory may be freed.
   */
  receive(capability: string, source: ByteSource, sizeBytes: number): Promise<string>;
  /** Receive one part; answers its entity tag. */
  receivePart(capability: string, partNumber: number, source: ByteSource, sizeBytes: number): Promise<string>;
  /** Entity tag of a part that was received, so that whoever resumes need not send it again. Throws NotFound. */
  partTag(capability: string, partNumber: number): Promise<string>;
  complete(capability: string, oid: string, parts: readonly GivenPart[]): Promise<void>;
  verify(granted: Granted<'write'>, oid: string, sizeBytes: number): Promise<void>;
  /** The same for the object that an upload link names. */
  verifyUpload(capability: string, oid: string, sizeBytes: number): Promise<void>;
  /** The object that a download link names, and for whom the link was made. */
  linked(capability: string): Promise<LinkedObject>;
}

const UPLOAD = 'lfs-upload';
const DOWNLOAD = 'lfs-download';
const DOWNLOAD_TTL_SECONDS = 6 * 3600;
const NOT_HELD = 'The object is not held for this repository.';

export function createLfs(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly workers: WorkerPool;
  readonly capabilities: Capabilities;
  readonly limits: LfsLimits;
}): Lfs {
  const { db, objects, clock, capabilities, limits } = parts;
  const hashBytes = createHashBytes(parts.workers);
  const completions = new Map<PublicId, Promise<void>>();

  const isLong = (sizeBytes: number): boolean =>
    sizeBytes > limits.partBytes && sizeBytes <= limits.maxObjectBytes;
  const pendUntil = (): number => clock.now() + limits.uploadTtlSeconds * 1000;

  async function held(
    repositoryId: RepositoryId,
    names: readonly LfsObjectName[],
  ): Promise<Map<Sha256, LargeObject>> {
    const sha256s = names.map((name) => name.sha256);
    const found = await db.read((stores) =>
      stores.largeObjects.findForRepository(repositoryId, sha256s, clock.now()),
    );
    return new Map(found.map((object) => [object.sha256, object]));
  }

  async function requireHeld(repositoryId: RepositoryId, oid: string, sizeBytes: number): Promise<void> {
    if (!isSha256(oid)) throw new HubError('UnprocessableObject', 'The oid is not a SHA-256.');
    const object = (await held(repositoryId, [{ sha256: oid, sizeBytes }])).get(oid);
    if (!object) throw new HubError('NotFound', NOT_HELD);
    if (object.sizeBytes !== sizeBytes) {
      throw new HubError(
        'UnprocessableObject',
        `The object has ${object.sizeBytes} bytes, not ${sizeBytes}.`,
      );
    }
  }

  /** Let the repository commit an object whose bytes were proved, and record the plain form if that was stored. */
  async function keep(facts: UploadFacts, isStored: boolean): Promise<void> {
    await failPoint('large-object-stored');
    await db.write(async (stores) => {
      await requireWritable(stores, facts.repositoryId);
      const object = isStored
        ? await stores.largeObjects.addPlainForm(facts, clock.now())
        : await stores.largeObjects.findAny(facts.sha256);
      if (!object) throw new HubError('Unavailable', 'The object was just removed. Send it again.');
      await stores.largeObjects.pend(facts.repositoryId, [object.id], pendUntil());
      if (facts.uploadId) await stores.uploads.delete(facts.uploadId);
      await failPoint('large-object-keeping');
    });
    await failPoint('large-object-kept');
  }

  /**
   * Store bytes that prove to be the object. Where the hub has it in any form, the proof is asked for all the same.
   * Answers whether the plain form was stored.
   */
  async function storePlain(name: LfsObjectName, source: ByteSource): Promise<boolean> {
    const { sizeBytes } = name;
    using hashed = hashBytes(source, sizeBytes);
    const proved = provedBytes(hashed, name);
    const known = await db.read((stores) => stores.largeObjects.findAny(name.sha256));
    if (known) await drain(proved);
    else await objects.put(largeObjectKey(name.sha256), proved, { sizeBytes, reuse: hashed.reuse });
    return known === undefined;
  }

  function uploadFacts(capability: string): UploadFacts {
    const facts = capabilities.verify(UPLOAD, capability);
    const uploadId = String(facts['upload'] ?? '');
    return {
      repositoryId: Number(facts['repository']) as RepositoryId,
      sha256: String(facts['oid']) as Sha256,
      sizeBytes: Number(facts['size']),
      uploadId: isPublicId(uploadId) ? uploadId : undefined,
    };
  }

  async function openUpload(
    stores: Stores,
    repositoryId: RepositoryId,
    name: LfsObjectName,
  ): Promise<Upload> {
    const now = clock.now();
    const open = await stores.uploads.findFor(repositoryId, name.sha256, now);
    const partSizeBytes = partSizeFor(name.sizeBytes, limits.partBytes);
    if (open && open.sizeBytes === name.sizeBytes && open.partSizeBytes === partSizeBytes) {
      await stores.uploads.extend(open.publicId, pendUntil());
      return open;
    }
    return stores.uploads.create({ repositoryId, ...name, partSizeBytes, expiresAt: pendUntil() }, now);
  }

  async function planUpload(
    repositoryId: RepositoryId,
    name: LfsObjectName,
    inParts: boolean,
  ): Promise<UploadPlan> {
    const facts = { repository: repositoryId, oid: name.sha256, size: name.sizeBytes };
    const { partBytes } = limits;
    if (!inParts || name.sizeBytes <= partBytes) {
      const capability = capabilities.sign(UPLOAD, facts, limits.uploadTtlSeconds);
      return { kind: 'single', capability, ...(inParts ? { partBytes } : {}) };
    }
    const upload = await db.write(async (stores) => {
      await requireWritable(stores, repositoryId);
      return openUpload(stores, repositoryId, name);
    });
    const signed = capabilities.sign(UPLOAD, { ...facts, upload: upload.publicId }, limits.uploadTtlSeconds);
    const partCount = Math.ceil(name.sizeBytes / upload.partSizeBytes);
    return { kind: 'parts', capability: signed, partCount, partBytes: upload.partSizeBytes };
  }

  async function assemble(facts: UploadFacts, upload: Upload, etags: readonly string[]): Promise<void> {
    const stored = await db.read((stores) => stores.uploads.parts(upload.publicId));
    const byNumber = new Map(stored.map((part) => [part.number, part]));
    for (const [index, etag] of etags.entries()) {
      if (byNumber.get(index + 1)?.etag !== etag) {
        throw new HubError('InvalidPart', `Part ${index + 1} was not uploaded, or its ETag is another.`);
      }
    }
    let isStored: boolean;
    try {
      isStored = await storePlain(facts, joinParts(objects, upload, etags.length));
    } catch (error) {
      // Parts that do not make the object never will: the client has to start anew.
      if (isHubError(error, 'LfsMismatch')) await discard(upload, stored);
      throw error;
    }
    await keep(facts, isStored);
    await deleteParts(upload, stored);
  }

  async function deleteParts(upload: Upload, stored: readonly UploadPart[]): Promise<void> {
    for (const part of stored) await objects.delete(uploadPartKey(upload.publicId, part.number));
  }

  async function discard(upload: Upload, stored: readonly UploadPart[]): Promise<void> {
    await db.write((stores) => stores.uploads.delete(upload.publicId));
    await deleteParts(upload, stored);
  }

  async function completeOnce(
    facts: UploadFacts,
    uploadId: PublicId,
    given: readonly GivenPart[],
  ): Promise<void> {
    const upload = await db.read((stores) => stores.uploads.find(uploadId, clock.now()));
    if (!upload) {
      // A second call after the first one succeeded is answered like the first.
      if ((await held(facts.repositoryId, [facts])).has(facts.sha256)) return;
      throw new HubError('NotFound', 'There is no such upload. Start again with a new batch request.');
    }
    await assemble(facts, upload, orderedEtags(given, Math.ceil(upload.sizeBytes / upload.partSizeBytes)));
  }

  /** What was sent as one part was proved when it came. Nothing at all has no part, and comes now. */
  async function completeWhole(facts: UploadFacts, given: readonly GivenPart[]): Promise<void> {
    for (const etag of orderedEtags(given, facts.sizeBytes === 0 ? 0 : 1)) {
      if (etag !== facts.sha256) throw new HubError('InvalidPart', 'The ETag of part 1 is another.');
    }
    if (facts.sizeBytes === 0) await keep(facts, await storePlain(facts, NOTHING));
    else await requireHeld(facts.repositoryId, facts.sha256, facts.sizeBytes);
  }

  return {
    async planUploads(granted, names, mayUseParts) {
      const known = await held(granted.repo.id, names);
      await db.write(async (stores) => {
        await requireWritable(stores, granted.repo.id);
        const ids = [...known.values()].map((object) => object.id);
        await stores.largeObjects.pend(granted.repo.id, ids, pendUntil());
      });
      // A batch has one way of transfer: beside an object in parts, even the smallest is called one.
      const inParts =
        mayUseParts && names.some(({ sha256, sizeBytes }) => isLong(sizeBytes) && !known.has(sha256));
      const plans: UploadPlan[] = [];
      for (const name of names) {
        const object = known.get(name.sha256);
        if (object && object.sizeBytes !== name.sizeBytes) {
          plans.push({ kind: 'refused', status: 422, message: 'The object is held with another size.' });
        } else if (object) plans.push({ kind: 'held' });
        else if (name.sizeBytes > limits.maxObjectBytes) {
          plans.push({
            kind: 'refused',
            status: 413,
            message: `An object may have ${limits.maxObjectBytes} bytes.`,
          });
        } else plans.push(await planUpload(granted.repo.id, name, inParts));
      }
      return plans;
    },

    async planDownloads(granted, names) {
      const known = await held(granted.repo.id, names);
      return names.map((name): DownloadPlan => {
        const object = known.get(name.sha256);
        if (!object) return { kind: 'refused', status: 404, message: NOT_HELD };
        if (object.sizeBytes !== name.sizeBytes) {
          return { kind: 'refused', status: 422, message: 'The object is held with another size.' };
        }
        const { repo, actor } = granted;
        const user = actor.kind === 'user' ? { user: actor.user.id } : {};
        const facts = { repository: repo.id, oid: name.sha256, ...user };
        return { kind: 'link', capability: capabilities.sign(DOWNLOAD, facts, DOWNLOAD_TTL_SECONDS) };
      });
    },

    async receive(capability, source, sizeBytes) {
      const facts = uploadFacts(capability);
      if (facts.uploadId) throw new HubError('Forbidden', 'This link is for an upload in parts.');
      if (sizeBytes !== facts.sizeBytes) {
        const code = sizeBytes > facts.sizeBytes ? 'BodyTooLarge' : 'LfsMismatch';
        throw new HubError(code, `The link is for ${facts.sizeBytes} bytes, not ${sizeBytes}.`);
      }
      await db.read((stores) => requireWritable(stores, facts.repositoryId));
      await keep(facts, await storePlain(facts, source));
      return facts.sha256;
    },

    async receivePart(capability, partNumber, source, sizeBytes) {
      const facts = uploadFacts(capability);
      const uploadId = facts.uploadId;
      await db.read((stores) => requireWritable(stores, facts.repositoryId));
      const upload = uploadId && (await db.read((stores) => stores.uploads.find(uploadId, clock.now())));
      if (!upload)
        throw new HubError('NotFound', 'There is no such upload. Start again with a new batch request.');
      const expected = partBytesOf(upload, partNumber);
      if (sizeBytes !== expected) {
        const code = sizeBytes > expected ? 'BodyTooLarge' : 'InvalidPart';
        throw new HubError(code, `Part ${partNumber} must have ${expected} bytes.`);
      }
      using hashed = hashBytes(source, sizeBytes);
      const { bytes, reuse } = hashed;
      await objects.put(uploadPartKey(upload.publicId, partNumber), bytes, { sizeBytes, reuse });
      await failPoint('part-stored');
      const etag = hashed.sha256();
      await db.write((stores) =>
        stores.uploads.putPart(upload.publicId, { number: partNumber, sizeBytes, etag }),
      );
      await failPoint('part-kept');
      return etag;
    },

    async partTag(capability, partNumber) {
      const { uploadId } = uploadFacts(capability);
      const stored = uploadId ? await db.read((stores) => stores.uploads.parts(uploadId)) : [];
      const part = stored.find(({ number }) => number === partNumber);
      if (!part) throw new HubError('NotFound', 'This part was not received.');
      return part.etag;
    },

    async complete(capability, oid, given) {
      const facts = uploadFacts(capability);
      const { uploadId } = facts;
      if (oid !== facts.sha256) throw new HubError('Forbidden', 'This link is for another object.');
      if (!uploadId) return completeWhole(facts, given);
      const running = completions.get(uploadId) ?? completeOnce(facts, uploadId, given);
      completions.set(uploadId, running);
      await running.finally(() => completions.delete(uploadId));
    },

    verify: (granted, oid, sizeBytes) => requireHeld(granted.repo.id, oid, sizeBytes),

    async verifyUpload(capability, oid, sizeBytes) {
      const { repositoryId, sha256 } = uploadFacts(capability);
      if (oid !== sha256) throw new HubError('Forbidden', 'This link is for another object.');
      await requireHeld(repositoryId, oid, sizeBytes);
    },

    async linked(capability) {
      const facts = capabilities.verify(DOWNLOAD, capability);
      const sha256 = String(facts['oid']) as Sha256;
      const repositoryId = Number(facts['repository']) as RepositoryId;
      const object = (await held(repositoryId, [{ sha256, sizeBytes: 0 }])).get(sha256);
      if (!object) throw new HubError('NotFound', NOT_HELD);
      const user = facts['user'];
      return { object, repositoryId, user: user === undefined ? undefined : (Number(user) as NamespaceId) };
    },
  };
}

const NOTHING: ByteSource = {
  async *[Symbol.asyncIterator]() {
    yield* [];
  },
};

const MAX_PARTS = 10_000;

/** Parts of the usual size, or as large as it takes to stay within the number of parts that clients can send. */
const partSizeFor = (sizeBytes: number, usualBytes: number): number =>
  Math.max(usualBytes, Math.ceil(sizeBytes / MAX_PARTS));

function partBytesOf(upload: Upload, partNumber: number): number {
  const count = Math.ceil(upload.sizeBytes / upload.partSizeBytes);
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > count) {
    throw new HubError('InvalidPart', `The upload has the parts 1 to ${count}.`);
  }
  return partNumber < count ? upload.partSizeBytes : upload.sizeBytes - upload.partSizeBytes * (count - 1);
}

/** Parts must be named once each, all of them, in ascending order. */
function orderedEtags(given: readonly GivenPart[], count: number): readonly string[] {
  if (given.length !== count)
    throw new HubError('InvalidPart', `The upload has ${count} parts, not ${given.length}.`);
  return given.map(({ partNumber, etag }, index) => {
    if (partNumber !== index + 1)
      throw new HubError('InvalidPart', 'Parts must be numbered from 1 in ascending order.');
    return etag.replace(/^"|"$/g, '');
  });
}

async function* joinParts(objects: ObjectStore, upload: Upload, count: number): AsyncGenerator<Uint8Array> {
  for (let number = 1; number <= count; number++) {
    const key = uploadPartKey(upload.publicId, number);
    const part = await objects.get(key);
    if (!part) throw new HubError('InvalidPart', `Part ${number} is gone. Upload it again.`);
    // Parts were counted when they came: other lengths now are the store's fault, not that of whoever sent them.
    let missing = partBytesOf(upload, number);
    for await (const chunk of part.bytes) {
      missing -= chunk.byteLength;
      if (missing < 0) throw corruptObject(key);
      yield chunk;
    }
    if (missing > 0) throw corruptObject(key);
  }
}
