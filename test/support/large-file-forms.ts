import { createHash, randomBytes } from 'node:crypto';
import { createRepo, uploadFile } from '@huggingface/hub';
import type { HubProgram } from './hub-program.ts';

export interface LargeFileFact {
  readonly repo: string;
  readonly path: string;
  readonly sha256: string;
}

const SIZE = 3 * 1024 * 1024 + 11;

/**
 * Two public large files, one that came by Xet and one that came by LFS: every client must read both, whatever
 * way its own uploads go.
 */
export async function uploadBothForms(hub: HubProgram): Promise<readonly LargeFileFact[]> {
  const name = 'ada/both-forms';
  const options = { hubUrl: hub.url, accessToken: hub.tokens.ada };
  await createRepo({ ...options, repo: name });
  const facts: LargeFileFact[] = [];
  for (const [path, useXet] of [
    ['by-xet.bin', true],
    ['by-lfs.bin', false],
  ] as const) {
    const content = randomBytes(SIZE);
    await uploadFile({ ...options, repo: name, file: { path, content: new Blob([content]) }, useXet });
    facts.push({ repo: name, path, sha256: createHash('sha256').update(content).digest('hex') });
  }
  return facts;
}
