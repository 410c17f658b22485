import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { splitArguments } from '../../../server/config/arguments.ts';
import { CONFIG_FLAGS, findConfigFile, loadConfig, writeProblems } from '../../../server/config/load.ts';
import type { ConfigResult, ConfigTexts } from '../../../server/config/load.ts';
import type { Config } from '../../../server/config/schema.ts';

const place = { platform: 'linux', homeDir: '/home/ada', workDir: '/srv' } as const;

interface Given {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: unknown;
}

const textsOf = ({ argv = [], env = {}, file }: Given): ConfigTexts => ({
  flags: splitArguments(argv, CONFIG_FLAGS).flags,
  env,
  place,
  file:
    file === undefined
      ? undefined
      : { path: '/etc/atoll.config.json', text: typeof file === 'string' ? file : JSON.stringify(file) },
});

const load = (given: Given): ConfigResult => loadConfig(textsOf(given));

function configOf(given: Given): Config {
  const result = load(given);
  if (!result.ok) throw new Error(writeProblems(result.problems));
  return result.config;
}

function problemsOf(given: Given) {
  const result = load(given);
  if (result.ok) throw new Error('The configuration was accepted.');
  return result.problems;
}

describe('loading the configuration', () => {
  it('is complete with nothing given', () => {
    const config = configOf({});
    expect(config.host).toEqual(['127.0.0.1', '::1']);
    expect(config.port).toBe(8790);
    expect(config.dataDir).toBe('/home/ada/.local/share/atoll');
    expect(config.storage.kind).toBe('local');
    expect(config.limits.inlineFileSize).toBe(10 * 2 ** 20);
    expect(config.drainSeconds).toBe(20);
  });

  it('lets flags win over the environment, that over the file, and the file over defaults', () => {
    const file = { port: 1001, name: 'File', logLevel: 'debug' };
    const env = { ATOLL_PORT: '1002', ATOLL_NAME: 'Variable' };
    const config = configOf({ file, env, argv: ['--port', '1003'] });
    expect(config).toMatchObject({ port: 1003, name: 'Variable', logLevel: 'debug', logFormat: 'auto' });
  });

  it('reads groups from the file and from names made of their keys', () => {
    const config = configOf({
      file: { storage: { kind: 's3', s3: { bucket: 'one', endpoint: 'http://127.0.0.1:9000/' } } },
      env: { ATOLL_STORAGE_S3_ACCESS_KEY_ID: 'id', ATOLL_STORAGE_S3_SECRET_ACCESS_KEY: 'swordfish' },
      argv: ['--storage-s3-prefix=atoll/', '--limits-part-size', '16 MiB'],
    });
    if (config.storage.kind !== 's3') throw new Error(config.storage.kind);
    expect(config.storage.s3).toMatchObject({
      bucket: 'one',
      endpoint: 'http://127.0.0.1:9000',
      prefix: 'atoll/',
      accessKeyId: 'id',
    });
    expect(config.storage.s3.secretAccessKey.open()).toBe('swordfish');
    expect(config.limits.partSize).toBe(16 * 2 ** 20);
  });

  it('takes lists with commas, as repeated flags, and as one text in the file', () => {
    expect(configOf({ env: { ATOLL_HOST: '0.0.0.0, ::' } }).host).toEqual(['0.0.0.0', '::']);
    expect(configOf({ argv: ['--host', '10.0.0.1', '--host=10.0.0.2'] }).host).toEqual([
      '10.0.0.1',
      '10.0.0.2',
    ]);
    expect(configOf({ file: { host: 'hub.lan' } }).host).toEqual(['hub.lan']);
  });

  it('reads networks as addresses or with the length of their prefix, and nothing else', () => {
    const env = { ATOLL_TRUSTED_PROXIES: '10.0.0.0/8, ::1, fd00::/8' };
    expect(configOf({ env }).trustedProxies).toEqual(['10.0.0.0/8', '::1', 'fd00::/8']);
    expect(configOf({ file: { trustedProxies: '172.16.0.1' } }).trustedProxies).toEqual(['172.16.0.1']);
    expect(configOf({}).trustedProxies).toEqual([]);
    for (const wrong of [
      'all',
      '*',
      'localhost',
      '10.0.0.0/33',
      '10.0.0/8',
      '::/129',
      '10.0.0.1/',
      'fe80::1%eth0',
    ]) {
      expect(problemsOf({ file: { trustedProxies: [wrong] } }), wrong).toHaveLength(1);
    }
  });

  it.each([
    [['--require-sign-in'], true],
    [['--no-require-sign-in'], false],
    [['--require-sign-in=false'], false],
  ])('reads the switch %j as %s', (argv, expected) => {
    expect(configOf({ argv, file: { requireSignIn: !expected } }).requireSignIn).toBe(expected);
  });

  it('lists every problem at once, with its key, where it was written and what would be right', () => {
    const problems = problemsOf({
      file: { prot: 1, storage: { kind: 'tape', s3: { bukket: 'x' } }, limits: 7 },
      env: { ATOLL_PORT: 'http' },
      argv: ['--drain-seconds', '-1'],
    });
    const lines = writeProblems(problems);
    expect(problems).toHaveLength(6);
    expect(lines).toContain('prot (/etc/atoll.config.json) is not a setting. Did you mean "port"?');
    expect(lines).toContain(
      'storage.s3.bukket (/etc/atoll.config.json) is not a setting. Did you mean "storage.s3.bucket"?',
    );
    expect(lines).toContain('limits (/etc/atoll.config.json) must be an object of settings');
    expect(lines).toContain(
      'storage.kind (/etc/atoll.config.json) must be one of "local", "s3"; it is "tape"',
    );
    expect(lines).toContain('port (ATOLL_PORT) must be a whole number from 0 to 65535; it is "http"');
    expect(lines).toContain('drainSeconds (--drain-seconds) must be a whole number from 0 to 3600; it is -1');
  });

  it.each(['65536', '-1', '1.5', '1e3', '٣', '0x10', ' 80'])('refuses the port %j', (port) => {
    expect(problemsOf({ env: { ATOLL_PORT: port } })[0]?.key).toBe('port');
  });

  it.each(['{', '[]', 'null', '"port"', '{"port":8790,}'])('refuses the file %s', (file) => {
    expect(problemsOf({ file })).toHaveLength(1);
  });

  it('keeps names of prototype members in the file out', () => {
    expect(
      problemsOf({ file: '{"__proto__": {"port": 1}, "constructor": 2}' }).map(({ key }) => key),
    ).toEqual(['__proto__', 'constructor']);
  });

  it('warns of an unknown variable with the nearest name and starts all the same', () => {
    const result = load({
      env: { ATOLL_PROT: '1', ATOLL_TEST_X: '1', ATOLL_BENCH_Y: '1', ATOLL_FAIL: '1', PATH: '' },
    });
    expect(result).toMatchObject({
      ok: true,
      warnings: ['The variable ATOLL_PROT is not a setting of Atoll. Did you mean "ATOLL_PORT"?'],
    });
  });

  it('takes an empty variable as not set', () => {
    expect(configOf({ env: { ATOLL_PORT: '', ATOLL_DATA_DIR: '' } }).port).toBe(8790);
  });

  it('needs what S3 needs', () => {
    const keys = problemsOf({ file: { storage: { kind: 's3', s3: { accessKeyId: 'a' } } } }).map(
      ({ key }) => key,
    );
    expect(keys).toEqual(['storage.s3.bucket', 'storage.s3.secretAccessKey']);
  });

  it('never shows a secret, printed, inspected, serialized or refused', () => {
    const secret = 'swordfish';
    const env = {
      ATOLL_STORAGE_KIND: 's3',
      ATOLL_STORAGE_S3_BUCKET: 'b',
      ATOLL_STORAGE_S3_SECRET_ACCESS_KEY: secret,
      ATOLL_STORAGE_S3_ACCESS_KEY_ID: 'a',
    };
    const config = configOf({ env });
    if (config.storage.kind !== 's3') throw new Error(config.storage.kind);
    const { secretAccessKey } = config.storage.s3;
    expect(
      `${String(secretAccessKey)} ${inspect(config, { depth: 9 })} ${JSON.stringify(config)}`,
    ).not.toContain(secret);
    const refused = problemsOf({ env: { ...env, ATOLL_STORAGE_S3_SECRET_ACCESS_KEY: `${secret}\n` } });
    expect(writeProblems(refused)).not.toContain(secret);
  });

  it('has no flag for a secret', () => {
    const { problems } = splitArguments(['--storage-s3-secret-access-key', 'x'], CONFIG_FLAGS);
    expect(problems).toHaveLength(1);
  });
});

describe('the data folder', () => {
  const folder = (platform: NodeJS.Platform, env: Record<string, string>, homeDir: string): string => {
    const result = loadConfig({ ...textsOf({ env }), place: { platform, homeDir, workDir: homeDir } });
    return result.ok ? result.config.dataDir : writeProblems(result.problems);
  };

  it('is where each system keeps data', () => {
    expect(folder('linux', { XDG_DATA_HOME: '/data' }, '/home/ada')).toBe('/data/atoll');
    expect(folder('linux', { XDG_DATA_HOME: 'relative' }, '/home/ada')).toBe('/home/ada/.local/share/atoll');
    expect(folder('darwin', {}, '/Users/ada')).toBe('/Users/ada/Library/Application Support/atoll');
    expect(folder('win32', { LOCALAPPDATA: 'C:\\Local' }, 'C:\\Users\\ada')).toBe('C:\\Local\\atoll');
    expect(folder('win32', {}, 'C:\\Users\\ada')).toBe('C:\\Users\\ada\\AppData\\Local\\atoll');
  });

  it('starts at the working folder when given by a flag, and at the file when given there', () => {
    expect(configOf({ argv: ['--data-dir', 'here'] }).dataDir).toBe('/srv/here');
    expect(configOf({ file: { dataDir: 'there' } }).dataDir).toBe('/etc/there');
  });

  it('holds the configuration file, unless another is named', () => {
    expect(findConfigFile(textsOf({ env: { ATOLL_DATA_DIR: '/d' } }))).toEqual({
      path: '/d/atoll.config.json',
      isRequired: false,
    });
    expect(findConfigFile(textsOf({ argv: ['--config', 'my.json'] }))).toEqual({
      path: '/srv/my.json',
      isRequired: true,
    });
  });
});
