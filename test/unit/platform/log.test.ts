import { describe, expect, it } from 'vitest';
import { Secret } from '../../../server/config/secret.ts';
import { HubError } from '../../../server/domain/errors.ts';
import { runInContext } from '../../../server/platform/context.ts';
import { createLog } from '../../../server/platform/log.ts';
import type { Log } from '../../../server/platform/log.ts';

function recordedLog(format: 'json' | 'pretty' = 'json'): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { lines, log: createLog({ level: 'trace', format, write: (line) => lines.push(line) }) };
}

const TOKEN = 'hf_swordfishABCDEFGHIJKLMNOPQRSTUVWXYZ012345678';
const PLANTED = ['swordfish', 'Zm9vOmJhcg', 'deadbeefsignature'];

const plant = (log: Log): void => {
  log.info(`token ${TOKEN} came in`, { note: `it was ${TOKEN}` });
  log.info('headers', {
    headers: {
      authorization: `Bearer swordfish`,
      Cookie: 'atoll=swordfish',
      'set-cookie': ['atoll=swordfish; HttpOnly'],
      'Proxy-Authorization': 'Basic Zm9vOmJhcg==',
    },
  });
  log.warn('fields', {
    password: 'swordfish',
    password_hash: 'swordfish',
    deep: [{ secretAccessKey: 'swordfish' }],
  });
  log.warn('texts Authorization: Bearer swordfish-x', {
    line: 'Basic Zm9vOmJhcg==',
    cookieLine: 'Cookie: a=swordfish',
  });
  log.error('hash $scrypt$ln=15,r=8,p=3$swordfish$swordfish');
  log.error('urls', {
    url: 'http://hub/x?a=1&sig=deadbeefsignature&b=2',
    s3: 'https://s3/b/k?X-Amz-Credential=swordfish&X-Amz-Signature=deadbeefsignature',
    basic: 'https://user:swordfish@hub/x',
    object: new URL('http://127.0.0.1:8790/setup?secret=swordfish'),
  });
  log.error('failed', {
    err: new HubError('Internal', `with ${TOKEN}`, {
      cause: new Error(`Bearer swordfish`),
      details: { token: 'swordfish' },
    }),
  });
  log.error('config', { s3: { id: new Secret('swordfish') } });
  log.child({ token: 'swordfish', peer: TOKEN }).info('child');
};

describe('the log', () => {
  it.each(['json', 'pretty'] as const)('never writes a secret (%s)', (format) => {
    const { log, lines } = recordedLog(format);
    plant(log);
    const written = lines.join('');
    for (const secret of PLANTED) expect(written).not.toContain(secret);
    expect(lines).toHaveLength(9);
  });

  it('keeps what is no secret', () => {
    const { log, lines } = recordedLog();
    plant(log);
    expect(lines[5]).toContain('http://hub/x?a=1&sig=[hidden]&b=2');
    log.info('counted', { tokens: 3, token: 4, requireSignIn: true });
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ tokens: 3, token: 4, requireSignIn: true });
  });

  it('writes JSON lines with time, level, message and the request they belong to', () => {
    const { log, lines } = recordedLog();
    runInContext({ requestId: 'r-1' }, () => log.info('hello', { bytes: 7 }));
    const entry = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect(entry).toMatchObject({ level: 30, msg: 'hello', bytes: 7, requestId: 'r-1' });
    expect(entry['time']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('writes errors with their code, stack and cause', () => {
    const { log, lines } = recordedLog();
    log.error('failed', { err: new HubError('Conflict', 'Taken.', { cause: new TypeError('inner') }) });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      err: {
        type: 'HubError',
        code: 'Conflict',
        message: 'Taken.',
        cause: { type: 'TypeError', message: 'inner' },
      },
    });
  });

  it('takes cycles, depth, bytes and functions without failing', () => {
    const { log, lines } = recordedLog();
    const loop: Record<string, unknown> = {
      bytes: Buffer.alloc(3),
      call: () => 1,
      many: new Map([[1, 2]]),
      n: 1n,
    };
    loop['self'] = loop;
    log.info('odd', { loop });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      loop: { self: '[circular]', bytes: '[3 bytes]', n: '1' },
    });
  });

  it('writes lines that people can read', () => {
    const { log, lines } = recordedLog('pretty');
    log.warn('slow', { ms: 12 });
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}slow ms=12\n$/);
  });
});
