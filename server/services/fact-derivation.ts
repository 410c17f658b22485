import { factsOfFiles, type FilesRead } from '../domain/card-facts.ts';
import { isHubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { isRecord } from '../domain/plain-json.ts';
import type { FactDetails, Label, RepoFacts } from '../domain/repo-facts.ts';
import { gitKindOf, type Repo } from '../domain/repo.ts';
import { listTree } from '../git/tree-walk.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { cardJson, isQuickCard } from './cards.ts';
import { readStart, type FileBytesReader } from './file-bytes.ts';
import type { RepoObjects } from './repo-objects.ts';
import type { TensorHeaders } from './tensor-headers.ts';

/** What was derived, with what lists look for. */
export interface DerivedFacts {
  readonly facts: RepoFacts;
  readonly labels: readonly Label[];
  /** Of all tensors together. */
  readonly parameters: number | undefined;
}

/** Reads the files of a commit for what they say about the repository, within bounds of time and memory. */
export interface FactDerivation {
  /**
   * Files that are damaged, hostile or too large say nothing; only a failure to read what is stored is thrown, so that
   * it is tried again.
   */
  derive(repo: Repo, commit: Oid): Promise<DerivedFacts>;
}

/** A card has its metadata at its beginning. */
const MAX_CARD_BYTES = 1024 * 1024;
const MAX_CONFIG_BYTES = 1024 * 1024;
/** Files that are looked at by name; what a large repository holds is plain from its first ones. */
const MAX_ROOT_ENTRIES = 10_000;
const MAX_ENTRIES = 5_000;

const CONFIGS = [
  'config.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'model_index.json',
  'adapter_config.json',
];

const NOTHING: DerivedFacts = {
  facts: { card: {}, summary: { tags: [], models: [], datasets: [] }, details: {} },
  labels: [],
  parameters: undefined,
};

export function createFactDerivation(parts: {
  readonly repoObjects: RepoObjects;
  readonly files: FileBytesReader;
  readonly headers: TensorHeaders;
  readonly workers: Pick<WorkerPool, 'run'>;
}): FactDerivation {
  const { repoObjects, files, headers, workers } = parts;

  /** Paths in the root folder, all of them, and some below it. */
  async function listPaths(
    repo: Repo,
    commit: Oid,
  ): Promise<{ readonly root: readonly string[]; readonly all: readonly string[] }> {
    const objects = repoObjects.open(repo);
    const tree = await objects.rootTree(commit);
    const namesOf = async (recursive: boolean, limit: number): Promise<readonly string[]> => {
      const page = await listTree(objects, tree, { path: '', recursive, limit });
      return (page?.entries ?? []).flatMap((entry) => (entry.type === 'blob' ? entry.path : []));
    };
    const root = await namesOf(false, MAX_ROOT_ENTRIES);
    return { root, all: [...new Set([...root, ...(await namesOf(true, MAX_ENTRIES))])] };
  }

  async function readText(repo: Repo, commit: Oid, path: string, maxBytes: number): Promise<string> {
    const file = await files.find(repo, commit, path);
    if (!file) return '';
    return (await readStart(file, maxBytes)).toString('utf8');
  }

  async function readCard(text: string): Promise<Readonly<Record<string, unknown>>> {
    const json = isQuickCard(text) ? cardJson(text) : await workers.run('cardJson', { text });
    return JSON.parse(json) as Record<string, unknown>;
  }

  async function readConfigs(
    repo: Repo,
    commit: Oid,
    root: readonly string[],
  ): Promise<FilesRead['configs']> {
    const configs = new Map<string, Readonly<Record<string, unknown>>>();
    for (const name of CONFIGS) {
      if (!root.includes(name)) continue;
      const file = await files.find(repo, commit, name);
      if (!file || file.sizeBytes > MAX_CONFIG_BYTES) continue;
      const value = parseJson((await readStart(file, MAX_CONFIG_BYTES)).toString('utf8'));
      if (isRecord(value)) configs.set(name, value);
    }
    return configs;
  }

  async function derive(repo: Repo, commit: Oid): Promise<DerivedFacts> {
    const { root, all } = await listPaths(repo, commit);
    const cardText = root.includes('README.md')
      ? await readText(repo, commit, 'README.md', MAX_CARD_BYTES)
      : '';
    const isModel = repo.kind === 'model' || repo.kind === 'kernel';
    const card = await readCard(cardText);
    const configs = isModel ? await readConfigs(repo, commit, root) : new Map<string, never>();
    const { summary, details, labels } = factsOfFiles(gitKindOf(repo), {
      card,
      cardText,
      paths: all,
      configs,
    });
    const safetensors = isModel ? await headers.safetensors(repo, commit, root) : undefined;
    const gguf = isModel ? await headers.gguf(repo, commit, all) : undefined;
    const known: FactDetails = {
      ...details,
      ...(safetensors ? { safetensors } : {}),
      ...(gguf ? { gguf } : {}),
    };
    return {
      facts: { card, summary, details: known },
      labels,
      parameters: safetensors?.total ?? gguf?.total,
    };
  }

  return {
    async derive(repo, commit) {
      try {
        return await derive(repo, commit);
      } catch (error) {
        // Reading the repository itself says so where it matters, and doctor names what is damaged.
        if (isHubError(error, 'CorruptObject')) return NOTHING;
        throw error;
      }
    },
  };
}

/** A configuration is written by all kinds of programs: one that is no JSON says nothing. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
