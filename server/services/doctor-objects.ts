import { createHash } from 'node:crypto';
import type { LargeObject } from '../db/questions/large-objects.ts';
import type { Upload } from '../db/questions/uploads.ts';
import type { XorbRow } from '../db/questions/xet.ts';
import type { Database, Stores } from '../db/stores.ts';
import { isHubError } from '../domain/errors.ts';
import type { RepositoryId, XetHash } from '../domain/ids.ts';
import { largeObjectKey, uploadPartKey, xorbChunksKey, xorbKey } from '../objects/keys.ts';
import type { ByteSource, ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { chunkIndexBytes } from '../xet/chunk-index.ts';
import { everyRow, shownRepo, type Findings } from './doctor-findings.ts';
import type { Xet } from './xet.ts';

const PAGE = 500;
/** Repositories that are named when something they share is broken. */
const AFFECTED = 10;

/** What is wrong with the presence or the length of a stored object; undefined when nothing is. */
export async function checkLength(
  objects: ObjectStore,
  key: string,
  sizeBytes: number,
): Promise<string | undefined> {
  const stored = await objects.head(key);
  if (!stored) return `${key} is missing.`;
  return stored.sizeBytes === sizeBytes
    ? undefined
    : `${key} has ${stored.sizeBytes} bytes, not ${sizeBytes}.`;
}

type Affected = (stores: Stores) => Promise<readonly RepositoryId[]>;
type Blame = (invariant: 'I-03' | 'I-04', what: string) => Promise<void>;

/** The checks of what lies in the object store beside packs: I-04, and with `isFull` the bytes themselves (I-03). */
export function createObjectChecks(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly workers: WorkerPool;
  readonly xet: Xet;
  readonly isFull: boolean;
}): { run(findings: Findings): Promise<void> } {
  const { db, objects, clock, workers, xet, isFull } = parts;

  /** Reports a problem with the first repository that needs what is broken, and names the others. */
  const blameOn =
    (findings: Findings, affected: Affected): Blame =>
    async (invariant, what) => {
      const [first, ...others] = await db.read(async (stores) => {
        const found = [];
        for (const id of await affected(stores)) found.push(await stores.repos.findById(id));
        return found.filter((repo) => repo !== undefined);
      });
      const also = others.length === 0 ? '' : ` Also needed by ${others.map(shownRepo).join(', ')}.`;
      findings.report(invariant, `${what}${also}`, first);
    };

  /** I-04: a large object has its bytes in every form it claims. With `isFull`, I-03: they are the right ones. */
  async function checkLargeObject(object: LargeObject, findings: Findings): Promise<void> {
    findings.count('large objects');
    const blame = blameOn(findings, (stores) => stores.inspection.linkersOf(object.id, AFFECTED));
    const { sha256, sizeBytes, hasPlainForm, xetHash } = object;
    if (!hasPlainForm && xetHash === undefined) {
      await blame('I-04', `large object ${sha256} has no form at all.`);
    }
    if (hasPlainForm) {
      const problem = await checkLength(objects, largeObjectKey(sha256), sizeBytes);
      if (problem !== undefined) await blame('I-04', problem);
      else if (isFull) await checkDigest({ ...object, xetHash: undefined }, blame);
    }
    if (xetHash !== undefined) {
      const problem = await termsProblem(xetHash, object);
      if (problem !== undefined) await blame('I-04', problem);
      else if (isFull) await checkDigest({ ...object, hasPlainForm: false }, blame);
    }
  }

  /** What is wrong with the terms of a Xet form. */
  async function termsProblem(xetHash: XetHash, object: LargeObject): Promise<string | undefined> {
    const name = `Xet file ${xetHash} of ${object.sha256}`;
    const file = await db.read((stores) => stores.xet.findFile(xetHash));
    if (!file) return `${name} is not held.`;
    const termBytes = file.terms.reduce((sum, term) => sum + term.unpackedBytes, 0);
    if (file.sizeBytes !== object.sizeBytes || termBytes !== object.sizeBytes) {
      return `${name} has ${file.sizeBytes} bytes and terms for ${termBytes}, not ${object.sizeBytes}.`;
    }
    const hashes = [...new Set(file.terms.map((term) => term.xorb))];
    const xorbs = await db.read((stores) => stores.xet.findXorbs(hashes));
    const chunkCounts = new Map(xorbs.map((xorb) => [xorb.hash, xorb.chunkCount]));
    const isOutside = file.terms.some((term) => term.chunkEnd > (chunkCounts.get(term.xorb) ?? 0));
    return isOutside ? `${name} has a term outside its xorb.` : undefined;
  }

  /** Read one form of an object whole. */
  async function checkDigest(form: LargeObject, blame: Blame): Promise<void> {
    const name = `large object ${form.sha256}${form.hasPlainForm ? '' : ' in Xet form'}`;
    try {
      const digest = await sha256Of(await xet.openLargeObject(form, undefined));
      if (digest !== form.sha256) await blame('I-03', `${name} has other bytes.`);
    } catch (error) {
      if (!isHubError(error, 'CorruptObject')) throw error;
      await blame('I-03', `${name} cannot be read: ${error.message}`);
    }
  }

  /** I-04: a xorb is stored with the index of its chunks. With `isFull`, every chunk has the hash it is named by. */
  async function checkXorb(xorb: XorbRow, findings: Findings): Promise<void> {
    findings.count('xorbs');
    const blame = blameOn(findings, (stores) => stores.inspection.dependentsOf(xorb.hash, AFFECTED));
    const chunksKey = xorbChunksKey(xorb.hash);
    const problems = [
      await checkLength(objects, xorbKey(xorb.hash), xorb.sizeBytes),
      await checkLength(objects, chunksKey, chunkIndexBytes(xorb.chunkCount)),
    ].filter((problem) => problem !== undefined);
    for (const problem of problems) await blame('I-04', problem);
    if (!isFull || problems.length > 0) return;
    const bytes = new Uint8Array(await objects.read(xorbKey(xorb.hash), { start: 0, end: xorb.sizeBytes }));
    try {
      const proved = await workers.run('verifyXorb', { bytes, expected: xorb.hash }, [bytes.buffer]);
      const stored = await objects.read(chunksKey, { start: 0, end: chunkIndexBytes(xorb.chunkCount) });
      if (!stored.equals(proved.chunkIndex)) await blame('I-04', `${chunksKey} has other bytes.`);
    } catch (error) {
      if (!isHubError(error, 'InvalidObject')) throw error;
      await blame('I-04', `${xorbKey(xorb.hash)} is damaged: ${error.message}`);
    }
  }

  /** I-04: the parts of an upload that is not finished yet were acknowledged, so they are kept. */
  async function checkUpload(upload: Upload, findings: Findings): Promise<void> {
    findings.count('uploads');
    const blame = blameOn(findings, () => Promise.resolve([upload.repositoryId]));
    for (const part of await db.read((stores) => stores.uploads.parts(upload.publicId))) {
      const key = uploadPartKey(upload.publicId, part.number);
      const problem = await checkLength(objects, key, part.sizeBytes);
      // Finished or given up meanwhile, its parts are gone with good reason.
      if (problem !== undefined && (await db.read((stores) => stores.uploads.exists(upload.publicId)))) {
        await blame('I-04', problem);
      } else if (isFull && problem === undefined) {
        const body = await objects.get(key);
        if (body && (await sha256Of(body.bytes)) !== part.etag)
          await blame('I-04', `${key} has other bytes.`);
      }
    }
  }

  return {
    async run(findings) {
      const largeObjects = everyRow((last: LargeObject | undefined) =>
        db.read((stores) => stores.largeObjects.listAll(last?.id ?? 0, PAGE)),
      );
      for await (const object of largeObjects) {
        const check = () => checkLargeObject(object, findings);
        await findings.attempt('I-04', `large object ${object.sha256}`, check);
      }
      const xorbs = everyRow((last: XorbRow | undefined) =>
        db.read((stores) => stores.xet.listXorbs(last?.hash, PAGE)),
      );
      for await (const xorb of xorbs) {
        await findings.attempt('I-04', `xorb ${xorb.hash}`, () => checkXorb(xorb, findings));
      }
      const uploads = everyRow((last: Upload | undefined) =>
        db.read((stores) => stores.inspection.listUploads(last?.publicId, PAGE)),
      );
      for await (const upload of uploads) {
        if (upload.expiresAt <= clock.now()) continue;
        await findings.attempt('I-04', `upload ${upload.publicId}`, () => checkUpload(upload, findings));
      }
    },
  };
}

async function sha256Of(bytes: ByteSource): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest('hex');
}
