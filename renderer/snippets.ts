import { m } from './messages.ts';
import type { Snippet } from './highlight.ts';
import { repoId, type RepoRef } from './repo-ref.ts';
import type { RepoKind } from './wire.ts';

/** The line that makes the usual clients talk to this hub, per shell. */
export const endpointSnippets = (endpoint: string): readonly Snippet[] => [
  { title: m.use.bash, language: 'shell', code: `export HF_ENDPOINT=${endpoint}` },
  {
    title: m.use.powershell,
    language: 'powershell',
    code: `$env:HF_ENDPOINT = "${endpoint}"`,
  },
  {
    title: m.use.python,
    language: 'python',
    code: `import os\nos.environ["HF_ENDPOINT"] = "${endpoint}"  # ${m.use.beforeImport}`,
  },
];

/** The three lines that push a folder into a new repo, per shell. */
export function pushSnippets(endpoint: string, token: string, repo: RepoRef): readonly Snippet[] {
  const id = repoId(repo);
  const type = typeOption(repo.kind);
  const lines = [`hf auth login --token ${token}`, `hf upload ${id} ./my-folder${type}`];
  return [
    { title: m.use.bash, language: 'shell', code: [`export HF_ENDPOINT=${endpoint}`, ...lines].join('\n') },
    {
      title: m.use.powershell,
      language: 'powershell',
      code: [`$env:HF_ENDPOINT = "${endpoint}"`, ...lines].join('\n'),
    },
    {
      title: m.use.python,
      language: 'python',
      code: [
        'import os',
        `os.environ["HF_ENDPOINT"] = "${endpoint}"  # ${m.use.beforeImport}`,
        'from huggingface_hub import HfApi',
        '',
        `api = HfApi(token="${token}")`,
        `api.create_repo("${id}"${typeArgument(repo.kind)}, exist_ok=True)`,
        `api.upload_folder(repo_id="${id}"${typeArgument(repo.kind)}, folder_path="./my-folder")`,
      ].join('\n'),
    },
  ];
}

export const TOOLS = ['hf', 'python', 'transformers', 'datasets', 'git', 'curl'] as const;
export type Tool = (typeof TOOLS)[number];

/** The tools that make sense for a kind of repo, in the order they are offered. */
export function toolsFor(kind: RepoKind): readonly Tool[] {
  const own: Readonly<Record<RepoKind, readonly Tool[]>> = {
    model: ['transformers'],
    dataset: ['datasets'],
    space: [],
  };
  return ['hf', 'python', ...own[kind], 'git', 'curl'];
}

export interface UseOptions {
  readonly repo: RepoRef;
  readonly revision: string;
  readonly endpoint: string;
  readonly includeEndpoint: boolean;
  /** A token to fill in; the place for one is shown where it is undefined and the repo needs one. */
  readonly token: string | undefined;
  readonly needsToken: boolean;
  /** A file to take as the example of one download. */
  readonly exampleFile: string;
  /** Where git is served by SSH; undefined where it is not. */
  readonly sshPort: number | undefined;
}

const typeOption = (kind: RepoKind): string => (kind === 'model' ? '' : ` --repo-type ${kind}`);
const typeArgument = (kind: RepoKind): string => (kind === 'model' ? '' : `, repo_type="${kind}"`);
const urlPrefix = (kind: RepoKind): string => (kind === 'model' ? '' : `${kind}s/`);

/** SSH is served at the same addresses. A port that is not SSH's own only fits into this form of an address. */
const sshUrl = (port: number, { endpoint, repo }: Pick<UseOptions, 'endpoint' | 'repo'>): string =>
  `ssh://git@${new URL(endpoint).hostname}:${port}/${urlPrefix(repo.kind)}${repoId(repo)}`;
const TOKEN_PLACE = 'hf_…';

function environment(options: UseOptions): readonly Snippet[] {
  const token = options.token ?? TOKEN_PLACE;
  const withToken = options.needsToken || options.token !== undefined;
  const note = options.token === undefined ? `  # ${m.use.tokenPlace}` : '';
  const bash = [
    ...(options.includeEndpoint ? [`export HF_ENDPOINT=${options.endpoint}`] : []),
    ...(withToken ? [`export HF_TOKEN=${token}${note}`] : []),
  ];
  const powershell = [
    ...(options.includeEndpoint ? [`$env:HF_ENDPOINT = "${options.endpoint}"`] : []),
    ...(withToken ? [`$env:HF_TOKEN = "${token}"${note}`] : []),
  ];
  if (bash.length === 0) return [];
  return [
    { title: m.use.bash, language: 'shell', code: bash.join('\n') },
    { title: m.use.powershell, language: 'powershell', code: powershell.join('\n') },
  ];
}

/** What is set once per shell and what is then run, for one tool. Each block is complete as it stands. */
export interface UseBlocks {
  readonly environment: readonly Snippet[];
  readonly run: Snippet;
  readonly note: string;
}

const asSnippet = (title: string, language: Snippet['language'], lines: readonly string[]): Snippet => ({
  title,
  language,
  code: lines.join('\n'),
});

/** The complete lines for one tool against this hub, pinned to a revision. */
export function blocksFor(tool: Tool, options: UseOptions): UseBlocks {
  const { repo, revision, endpoint, exampleFile } = options;
  const id = repoId(repo);
  const type = typeArgument(repo.kind);
  const pinned = revision === 'main' ? '' : `, revision="${revision}"`;
  const shared = environment(options);
  const quoted = (path: string): string =>
    /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  switch (tool) {
    case 'hf': {
      const flag = revision === 'main' ? '' : ` --revision ${quoted(revision)}`;
      return {
        environment: shared,
        note: m.use.notes.hf,
        run: asSnippet(m.use.terminal, 'shell', [
          `hf download ${id}${typeOption(repo.kind)}${flag}`,
          `hf download ${id} ${quoted(exampleFile)}${typeOption(repo.kind)}${flag}  # ${m.use.oneFile}`,
        ]),
      };
    }
    case 'python':
      return {
        environment: shared,
        note: m.use.notes.python,
        run: asSnippet('download.py', 'python', [
          'from huggingface_hub import hf_hub_download, snapshot_download',
          '',
          `folder = snapshot_download("${id}"${type}${pinned})`,
          `file = hf_hub_download("${id}", ${JSON.stringify(exampleFile)}${type}${pinned})`,
          'print(folder)',
        ]),
      };
    case 'transformers':
      return {
        environment: shared,
        note: m.use.notes.python,
        run: asSnippet('load.py', 'python', [
          'from transformers import AutoModel, AutoTokenizer',
          '',
          `repo = "${id}"`,
          `tokenizer = AutoTokenizer.from_pretrained(repo${pinned})`,
          `model = AutoModel.from_pretrained(repo${pinned})`,
        ]),
      };
    case 'datasets':
      return {
        environment: shared,
        note: m.use.notes.python,
        run: asSnippet('load.py', 'python', [
          'from datasets import load_dataset',
          '',
          `dataset = load_dataset("${id}"${pinned})`,
          'print(dataset)',
        ]),
      };
    case 'git': {
      const branch = revision === 'main' ? '' : ` --branch ${quoted(revision)}`;
      return {
        environment: [],
        note: m.use.notes.git,
        run: asSnippet(m.use.terminal, 'shell', [
          'git lfs install',
          `git clone${branch} ${endpoint}/${urlPrefix(repo.kind)}${id}`,
          ...(options.sshPort === undefined
            ? []
            : [`git clone${branch} ${sshUrl(options.sshPort, options)}  # ${m.use.bySsh}`]),
        ]),
      };
    }
    case 'curl': {
      const token = options.token ?? TOKEN_PLACE;
      const header =
        options.needsToken || options.token !== undefined ? ` -H "Authorization: Bearer ${token}"` : '';
      const path = exampleFile.split('/').map(encodeURIComponent).join('/');
      return {
        environment: [],
        note: m.use.notes.curl,
        run: asSnippet(m.use.terminal, 'shell', [
          `curl -L -OJ${header} ${endpoint}/${urlPrefix(repo.kind)}${id}/resolve/${encodeURIComponent(revision)}/${path}`,
        ]),
      };
    }
  }
}

/** The one line that downloads a whole repo. */
export const downloadLine = (repo: RepoRef): string => `hf download ${repoId(repo)}${typeOption(repo.kind)}`;

/** How to put a folder into a repo that exists. */
export const uploadSnippets = (endpoint: string, repo: RepoRef): readonly Snippet[] => [
  {
    title: m.use.bash,
    language: 'shell',
    code: `export HF_ENDPOINT=${endpoint}\nhf upload ${repoId(repo)} ./my-folder${typeOption(repo.kind)}`,
  },
  {
    title: m.use.powershell,
    language: 'powershell',
    code: `$env:HF_ENDPOINT = "${endpoint}"\nhf upload ${repoId(repo)} ./my-folder${typeOption(repo.kind)}`,
  },
];

/** The line that pushes a folder into somebody's first repo of a kind. */
export const firstUploadLine = (owner: string, kind: RepoKind): string =>
  `hf upload ${owner}/my-first-${kind} ./my-folder${typeOption(kind)}`;
