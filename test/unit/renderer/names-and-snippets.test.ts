import { describe, expect, test } from 'vitest';
import { passwordStrength } from '../../../renderer/account/password-strength.ts';
import { mayRunCode } from '../../../renderer/files/file-kind.ts';
import { highlight } from '../../../renderer/highlight.ts';
import { reachOf } from '../../../renderer/reach.ts';
import { nameFromFolder, repoNameProblem } from '../../../renderer/repo/repo-name.ts';
import { blocksFor, toolsFor, type UseOptions } from '../../../renderer/snippets.ts';

describe('names', () => {
  test.each(['fjord-7b', 'a', 'A_b.c', 'x'.repeat(96)])('%s can name a repo', (name) => {
    expect(repoNameProblem(name)).toBeUndefined();
  });

  test.each(['', 'a b', '-a', 'a.', 'a--b', 'a..b', 'a.git', 'å', 'x'.repeat(97)])('%j cannot', (name) => {
    expect(repoNameProblem(name)).toBeTypeOf('string');
  });

  test.each(['Mitt møtereferat (2)', '.git', '日本語', 'a--b..c', '   '])(
    'the folder %j still gives a name that works',
    (folder) => {
      expect(repoNameProblem(nameFromFolder(folder))).toBeUndefined();
    },
  );
});

describe('snippets', () => {
  const options: UseOptions = {
    repo: { kind: 'dataset', owner: 'ana', name: 'whales' },
    revision: 'v1 beta',
    endpoint: 'http://10.0.0.7:8790',
    includeEndpoint: true,
    token: undefined,
    needsToken: true,
    exampleFile: 'data/it\'s "one".json',
    sshPort: undefined,
  };

  test('are complete: endpoint, token, type and revision', () => {
    const { environment, run } = blocksFor('hf', options);
    expect(environment[0]?.code).toContain('export HF_ENDPOINT=http://10.0.0.7:8790');
    expect(environment[0]?.code).toContain('export HF_TOKEN=');
    expect(run.code).toContain("hf download ana/whales --repo-type dataset --revision 'v1 beta'");
  });

  test('quote what a shell, a URL or Python would take apart', () => {
    expect(blocksFor('hf', options).run.code).toContain(`'data/it'\\''s "one".json'`);
    expect(blocksFor('curl', options).run.code).toContain(
      `/datasets/ana/whales/resolve/v1%20beta/data/it's%20%22one%22.json`,
    );
    expect(blocksFor('python', options).run.code).toContain(
      '"data/it\'s \\"one\\".json", repo_type="dataset"',
    );
  });

  test('clone by HTTP, and by SSH where the hub serves it', () => {
    expect(toolsFor('model')).toContain('git');
    const byHttp = "git clone --branch 'v1 beta' http://10.0.0.7:8790/datasets/ana/whales";
    expect(blocksFor('git', options).run.code).toBe(`git lfs install\n${byHttp}`);
    const both = blocksFor('git', { ...options, sshPort: 8722 }).run.code.split('\n');
    expect(both).toHaveLength(3);
    expect(both[2]).toContain("git clone --branch 'v1 beta' ssh://git@10.0.0.7:8722/datasets/ana/whales ");
  });

  test('lose no character when they are toned', () => {
    const { run } = blocksFor('python', options);
    expect(
      highlight(run.code, 'python')
        .map(({ text }) => text)
        .join(''),
    ).toBe(run.code);
  });
});

test('who can reach the hub is judged by every address', () => {
  expect(reachOf(['http://127.0.0.1:8790', 'http://[::1]:8790', 'http://localhost:1'])).toBe('computer');
  expect(reachOf(['http://127.0.0.1:8790', 'http://192.168.20.14:8790'])).toBe('network');
});

test('a password is judged by length and variety', () => {
  expect(passwordStrength('short')).toBe('short');
  expect(passwordStrength('aaaaaaaaaaaa')).toBe('weak');
  expect(passwordStrength('tidevannstabell')).toBe('strong');
});

test('only what PyTorch saves as .bin is called a pickle', () => {
  expect(mayRunCode('model/pytorch_model-00001-of-00002.bin')).toBe(true);
  expect(mayRunCode('training_args.bin')).toBe(true);
  expect(mayRunCode('weights.pt')).toBe(true);
  expect(mayRunCode('data.bin')).toBe(false);
  expect(mayRunCode('model.safetensors')).toBe(false);
});
