import { createHash, randomBytes } from 'node:crypto';
import { uploadFile } from '@huggingface/hub';
import { createHubApi, file, type HubApi } from './hub-api.ts';

const MIB = 1024 * 1024;
/** The hub must be started with this for its uploads in parts to be small: `--limits-part-size`. */
export const SAMPLE_PART_SIZE = '5MiB';

/** What the sample holds, by the names that tests break it by. */
export interface SampleFacts {
  /** SHA-256 of a large file that both repositories link, and that came whole. */
  readonly shared: string;
  /** SHA-256 of one that came in parts. */
  readonly inParts: string;
  /** SHA-256 of one that came by Xet. */
  readonly byXet: string;
}

const sha256Of = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/**
 * Fill a hub with one of everything: hot rows and packs, reachable and not; large files of each way in, branches
 * and tags made, moved and deleted, repositories deleted and made again, and an upload that is not finished.
 * `ada` owns it all.
 */
export async function fillSampleHub(hub: {
  readonly url: string;
  readonly token: string;
}): Promise<SampleFacts> {
  const api = createHubApi(hub);
  const [shared, inParts, byXet] = [randomBytes(MIB), randomBytes(7 * MIB), randomBytes(3 * MIB)];

  await api.createRepo('models/ada/llama');
  await api.commit('models/ada/llama', [file('README.md', '# Llama\n'), file('a/b/c.txt', 'deep\n')]);
  const many = Array.from({ length: 1_100 }, (_, index) => file(`many/${index}.txt`, `number ${index}\n`));
  await api.commit('models/ada/llama', many);
  await api.commit('models/ada/llama', [
    await api.upload('models/ada/llama', 'shared.bin', shared),
    await api.upload('models/ada/llama', 'parts.bin', inParts),
    { key: 'deletedFolder', value: { path: 'a' } },
  ]);
  await uploadFile({
    hubUrl: hub.url,
    accessToken: hub.token,
    repo: 'ada/llama',
    file: { path: 'xet.bin', content: new Blob([new Uint8Array(byXet)]) },
    useXet: true,
  });
  await api.beginUpload('models/ada/llama', randomBytes(6 * MIB));
  await addRefs(api);

  await api.createRepo('datasets/ada/corpus');
  await api.commit('datasets/ada/corpus', [await api.upload('datasets/ada/corpus', 'shared.bin', shared)]);

  for (const content of ['first', 'second']) {
    await api.createRepo('models/ada/again');
    await api.commit('models/ada/again', [file('life.txt', content)]);
    if (content === 'first') await api.deleteRepo('models/ada/again');
  }
  return { shared: sha256Of(shared), inParts: sha256Of(inParts), byXet: sha256Of(byXet) };
}

/** Branches and tags, and what deleted branches leave behind: hot rows and a pack that nothing leads to. */
async function addRefs(api: HubApi): Promise<void> {
  const repo = 'models/ada/llama';
  await api.createTag(repo, 'plain');
  await api.createTag(repo, 'told', 'With a message');
  await api.createBranch(repo, 'dev');
  await api.commit(repo, [file('dev.txt', 'on dev\n')], 'dev');
  for (const content of [Buffer.from('left behind'), randomBytes(2 * MIB)]) {
    await api.createBranch(repo, 'passing');
    await api.commit(repo, [file('passing.bin', content)], 'passing');
    await api.deleteBranch(repo, 'passing');
  }
}
