import type { Database } from '../db/stores.ts';
import { isPublicId, isSha256, isXetHash } from '../domain/ids.ts';
import { KEY_ROOTS, largeObjectName, packId, packOwner, uploadOwner, xorbName } from '../objects/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { filesOlderThan } from '../platform/staging-folder.ts';
import type { Findings } from './doctor-findings.ts';
import { SWEEP_GRACE_MS } from './sweep.ts';

const PAGE = 500;

/**
 * What was begun and never finished is gone after a sweep (I-06), and temporary files with the process that wrote
 * them (I-08).
 */
export function createLeftoverChecks(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly stagingFolders: readonly string[];
  readonly now: number;
  /** When the last sweep began; whatever came to be after it has to wait for the next one. */
  readonly sweptAt: number;
  /** Public ids of repositories that were deleted after that, or that kept packs for one that was. */
  readonly deletedRepositories: ReadonlySet<string>;
}): { run(findings: Findings): Promise<void> } {
  const { db, objects, stagingFolders, now, sweptAt, deletedRepositories } = parts;

  const isClaimed = (key: string): Promise<boolean> =>
    db.read(async (stores) => {
      const owner = packOwner(key);
      if (owner !== '') {
        if (deletedRepositories.has(owner)) return true;
        return isPublicId(owner) && (await stores.gitObjects.isPackListed(owner, packId(key)));
      }
      const upload = uploadOwner(key);
      if (upload !== '') return isPublicId(upload) && (await stores.uploads.exists(upload));
      const xorb = xorbName(key);
      if (isXetHash(xorb) && key.startsWith(KEY_ROOTS.xorbs)) {
        return (await stores.xet.findXorbs([xorb])).length > 0;
      }
      const large = largeObjectName(key);
      return isSha256(large) && (await stores.largeObjects.findAny(large))?.hasPlainForm === true;
    });

  async function checkUploads(findings: Findings): Promise<void> {
    const expired = await db.read((stores) => stores.uploads.listExpired(sweptAt, PAGE));
    for (const upload of expired) {
      const repo = await db.read((stores) => stores.repos.findById(upload.repositoryId));
      findings.report('I-06', `upload ${upload.publicId} expired and was not swept.`, repo);
    }
  }

  async function checkObjects(findings: Findings): Promise<void> {
    const oldest = sweptAt - SWEEP_GRACE_MS;
    for (const root of Object.values(KEY_ROOTS)) {
      for await (const { key, modifiedAt } of objects.list(root)) {
        findings.count('stored objects');
        if (modifiedAt < oldest && !(await isClaimed(key))) {
          findings.report('I-06', `${key} belongs to nothing.`);
        }
      }
    }
  }

  async function checkStaging(findings: Findings): Promise<void> {
    for (const folder of stagingFolders) {
      for (const name of await filesOlderThan(folder, now - SWEEP_GRACE_MS)) {
        findings.report('I-08', `temporary file ${name} was left behind in ${folder}.`);
      }
    }
  }

  return {
    async run(findings) {
      await findings.attempt('I-06', 'expired uploads', () => checkUploads(findings));
      await findings.attempt('I-06', 'stored objects', () => checkObjects(findings));
      await findings.attempt('I-08', 'temporary files', () => checkStaging(findings));
    },
  };
}
