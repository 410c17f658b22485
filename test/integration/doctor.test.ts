import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inflateSync } from 'node:zlib';
import BetterSqlite3 from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHubApi, file } from '../support/hub-api.ts';
import { runAtoll, startProgram, type RunningProgram } from '../support/program.ts';
import { fillSampleHub, SAMPLE_PART_SIZE, type SampleFacts } from '../support/sample-hub.ts';

const DAY_MS = 86_400_000;
const FLAGS = ['--port', '0', '--limits-part-size', SAMPLE_PART_SIZE, '--log-level', 'warn'];

interface Problem {
  readonly invariant: string;
  readonly what: string;
  readonly repo?: string;
}

interface Report {
  readonly problems: readonly Problem[];
  readonly checked: Readonly<Record<string, number>>;
}

const temporary = mkdtempSync(join(tmpdir(), 'atoll-doctor-'));
const sample = join(temporary, 'sample');
let facts: SampleFacts;

async function start(folder: string): Promise<RunningProgram> {
  return startProgram([...FLAGS, '--data-dir', folder]);
}

async function ask<Answer>(folder: string, ...command: readonly string[]): Promise<Answer> {
  const { code, stdout, stderr } = await runAtoll([...command, '--json', '--data-dir', folder]);
  // Doctor answers and fails, both, when it finds something.
  if (stdout === '') throw new Error(`${command.join(' ')} ended with ${String(code)}: ${stderr}`);
  const answer = JSON.parse(stdout) as Answer & { readonly problems?: readonly unknown[] };
  expect(code).toBe(answer.problems === undefined || answer.problems.length === 0 ? 0 : 1);
  return answer;
}

beforeAll(async () => {
  await ask(sample, 'user', 'create', 'ada', '--without-password');
  const { secret } = await ask<{ secret: string }>(sample, 'token', 'create', 'ada', '--name', 'tests');
  const hub = await start(sample);
  facts = await fillSampleHub({ url: hub.url, token: secret });
  await hub.end('SIGTERM');
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** A stopped hub to break: its folder, its rows and its stored objects. */
interface Patient {
  readonly folder: string;
  readonly rows: BetterSqlite3.Database;
  /** One value of a row that must be there. */
  value<Value>(sql: string, ...parameters: readonly unknown[]): Value;
  change(sql: string, ...parameters: readonly unknown[]): void;
  repoId(name: string): number;
  /** Path of a stored object. */
  object(key: string): string;
}

function flipByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(path, bytes);
}

const middleOf = (path: string): number => Math.floor(statSync(path).size / 2);

const oidOf = (hex: string): Buffer => Buffer.from(hex, 'hex');

let patients = 0;
/** Copy the sample and break the copy. */
function breakHub(breakIt: (patient: Patient) => void): string {
  const folder = join(temporary, `patient-${(patients += 1)}`);
  cpSync(sample, folder, { recursive: true, preserveTimestamps: true });
  const rows = new BetterSqlite3(join(folder, 'hub.db'));
  try {
    rows.pragma('foreign_keys = OFF');
    const value = <Value>(sql: string, ...parameters: readonly unknown[]): Value => {
      const found = rows.prepare(sql).pluck().get(parameters);
      if (found === undefined) throw new Error(`Nothing to break: ${sql}`);
      return found as Value;
    };
    breakIt({
      folder,
      rows,
      value,
      change(sql, ...parameters) {
        const { changes } = rows.prepare(sql).run(parameters);
        if (changes === 0) throw new Error(`Nothing to break: ${sql}`);
      },
      repoId: (name) => value('select id from repositories where name = ?', name),
      object: (key) => join(folder, 'storage/objects', key),
    });
  } finally {
    rows.close();
  }
  return folder;
}

const doctor = (folder: string, ...flags: readonly string[]): Promise<Report> =>
  ask<Report>(folder, 'doctor', ...flags);

type Expected = readonly [invariant: string, repo: string | undefined, what: RegExp];

/** Exactly these problems, in any order. */
function expectProblems({ problems }: Report, expected: readonly Expected[]): void {
  const rest = [...problems];
  for (const [invariant, repo, what] of expected) {
    const index = rest.findIndex(
      (problem) => problem.invariant === invariant && problem.repo === repo && what.test(problem.what),
    );
    expect(index, `${invariant} ${repo ?? ''} ${String(what)} in ${JSON.stringify(problems)}`).not.toBe(-1);
    rest.splice(index, 1);
  }
  expect(rest).toEqual([]);
}

const LLAMA = 'ada/llama';
const CORPUS = 'datasets/ada/corpus';

/** Stored packs of a repository whose rows say something, as keys without the ending. */
function packOf(
  { value, repoId }: Patient,
  isReachable: boolean,
): { readonly key: string; readonly id: string } {
  // Of the two packs that commits made, the one with more objects is on main; the other one was on a deleted branch.
  const id = value<string>(
    `select pack_id from packs where repository_id = ? order by object_count ${isReachable ? 'desc' : 'asc'} limit 1`,
    repoId('llama'),
  );
  const owner = value<string>('select public_id from repositories where id = ?', repoId('llama'));
  return { id, key: `packs/${owner}/${id}` };
}

const largeKey = (sha256: string): string => `large/${sha256.slice(0, 2)}/${sha256}`;

/** A hot row with this content. */
function hotRowWith(
  { rows, repoId }: Patient,
  repo: string,
  text: string,
): { readonly id: number; readonly oid: string } {
  const found = rows
    .prepare('select id, oid, deflated from hot_objects where repository_id = ?')
    .all(repoId(repo)) as { readonly id: number; readonly oid: Buffer; readonly deflated: Buffer }[];
  const row = found.find(({ deflated }) => inflateSync(deflated).toString().includes(text));
  if (!row) throw new Error(`No hot row has "${text}".`);
  return { id: row.id, oid: row.oid.toString('hex') };
}

/** Stored xorb and chunk index of the sample's Xet file. */
function xorbOf({ value }: Patient): { readonly xorb: string; readonly chunks: string } {
  const hash = value<Buffer>('select hash from xorbs order by size_bytes desc limit 1');
  const name = Buffer.from(hash).swap64().toString('hex');
  const xorb = `xorbs/${name.slice(0, 2)}/${name}`;
  return { xorb, chunks: `${xorb}.chunks` };
}

function partOf({ value }: Patient): string {
  return `uploads/${value<string>('select public_id from uploads')}/00001`;
}

describe('a sound hub', () => {
  it('has no problems when it is stopped, and everything was looked at', async () => {
    const quick = await doctor(sample);
    expect(quick.problems).toEqual([]);
    const full = await doctor(sample, '--full');
    expect(full.problems).toEqual([]);
    const looked = {
      ...{ repositories: 3, packs: 2, pointers: 4, 'large objects': 3, xorbs: 1, uploads: 1 },
      ...{ refs: 6, 'hot rows': expect.any(Number) as number, 'ref moves': expect.any(Number) as number },
    };
    expect(full.checked).toMatchObject(looked);
  });

  it('has no problems while it is at work', async () => {
    const folder = breakHub(() => undefined);
    const { secret } = await ask<{ secret: string }>(folder, 'token', 'create', 'ada', '--name', 'more');
    const hub = await start(folder);
    const api = createHubApi({ url: hub.url, token: secret });
    let isOver = false;
    const work = async (repo: 'models/ada/llama' | 'datasets/ada/corpus'): Promise<void> => {
      for (let round = 0; !isOver; round++) {
        await api.commit(repo, [file(`round/${round}.txt`, `${round}`)]);
        await api.createBranch(repo, `branch-${round}`);
        await api.deleteBranch(repo, `branch-${round}`);
        const passing = `spaces/ada/passing-${repo.slice(0, 1)}` as const;
        await api.createRepo(passing);
        await api.deleteRepo(passing);
        if (repo === 'datasets/ada/corpus') continue;
        await api.commit(repo, [await api.upload(repo, 'round.bin', Buffer.from(`large ${round}`))]);
      }
    };
    const working = Promise.all([work('models/ada/llama'), work('datasets/ada/corpus')]);
    for (let round = 0; round < 4; round++) {
      expect((await doctor(folder, ...(round % 2 ? ['--full'] : []))).problems).toEqual([]);
    }
    isOver = true;
    await working;
    await hub.end('SIGTERM');
  });

  it('is told so in one line', async () => {
    const { code, stdout } = await runAtoll(['doctor', '--data-dir', sample]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^No problems\. Checked: 3 repositories, .*\.\n$/);
  });
});

describe('I-02: every ref leads to whole, sound history', () => {
  it('names a pack that is gone, and the history that needs it', async () => {
    let key = '';
    const folder = breakHub((patient) => {
      key = packOf(patient, true).key;
      rmSync(patient.object(`${key}.pack`));
    });
    const { problems } = await doctor(folder);
    expect(problems[0]).toMatchObject({ invariant: 'I-02', repo: LLAMA, what: `${key}.pack is missing.` });
    expect(problems.length).toBeGreaterThan(1);
    for (const problem of problems) expect(problem).toMatchObject({ invariant: 'I-02', repo: LLAMA });
  });

  it('names a pack that was cut short', async () => {
    let key = '';
    const folder = breakHub((patient) => {
      key = packOf(patient, false).key;
      truncateSync(patient.object(`${key}.pack`), 1000);
    });
    expectProblems(await doctor(folder), [['I-02', LLAMA, new RegExp(`${key}.pack has 1000 bytes, not`)]]);
  });

  it('names an object of a pack in which a bit has flipped', async () => {
    const folder = breakHub((patient) => {
      const path = patient.object(`${packOf(patient, true).key}.pack`);
      flipByte(path, middleOf(path));
    });
    const { problems } = await doctor(folder);
    expectProblems({ problems, checked: {} }, [['I-02', LLAMA, /^damaged object [0-9a-f]{40}, named by/]]);
  });

  it('names a pack in which a bit has flipped where no ref leads, when it reads everything', async () => {
    let key = '';
    const folder = breakHub((patient) => {
      key = packOf(patient, false).key;
      flipByte(patient.object(`${key}.pack`), middleOf(patient.object(`${key}.pack`)));
    });
    expectProblems(await doctor(folder), []);
    expectProblems(await doctor(folder, '--full'), [
      ['I-02', LLAMA, new RegExp(`${key}.pack: .*other bytes`)],
    ]);
  });

  it('names a damaged pack index', async () => {
    let key = '';
    const folder = breakHub((patient) => {
      key = packOf(patient, false).key;
      flipByte(patient.object(`${key}.idx`), 1_050);
    });
    const { problems } = await doctor(folder);
    expect(problems[0]?.what).toMatch(new RegExp(`^${key}.pack: .*index`));
    for (const problem of problems) expect(problem).toMatchObject({ invariant: 'I-02', repo: LLAMA });
  });

  it('names a pack whose row counts other objects', async () => {
    const folder = breakHub((patient) => {
      patient.change(
        'update packs set object_count = object_count + 1 where pack_id = ?',
        packOf(patient, false).id,
      );
    });
    expectProblems(await doctor(folder), [['I-02', LLAMA, /has (\d+) objects, not/]]);
  });

  it('names what is missing when the row of a pack is', async () => {
    const folder = breakHub((patient) => {
      patient.change('delete from packs where pack_id = ?', packOf(patient, true).id);
    });
    const { problems } = await doctor(folder);
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) {
      expect(problem).toMatchObject({ invariant: 'I-02', repo: LLAMA });
      expect(problem.what).toMatch(/^missing object|^more than/);
    }
  });

  it('names a hot row that is gone', async () => {
    let oid = '';
    const folder = breakHub((patient) => {
      const row = hotRowWith(patient, 'llama', '# Llama');
      oid = row.oid;
      patient.change('delete from hot_objects where id = ?', row.id);
      patient.change(
        `update hot_object_totals set object_count = (select count(*) from hot_objects h where h.repository_id =
         hot_object_totals.repository_id), stored_bytes = (select sum(length(deflated)) from hot_objects h where
         h.repository_id = hot_object_totals.repository_id)`,
      );
    });
    expectProblems(await doctor(folder), [['I-02', LLAMA, new RegExp(`^missing object ${oid}`)]]);
  });

  it('names a hot row with other bytes', async () => {
    let oid = '';
    const folder = breakHub((patient) => {
      const row = hotRowWith(patient, 'llama', '# Llama');
      oid = row.oid;
      const deflated = patient.value<Buffer>('select deflated from hot_objects where id = ?', row.id);
      deflated[deflated.length - 1] = (deflated.at(-1) ?? 0) ^ 1;
      patient.change('update hot_objects set deflated = ? where id = ?', deflated, row.id);
    });
    for (const flags of [[], ['--full']]) {
      expectProblems(await doctor(folder, ...flags), [['I-02', LLAMA, new RegExp(`^damaged object ${oid}`)]]);
    }
  });

  it('names a hot row with other bytes where no ref leads, when it reads everything', async () => {
    let oid = '';
    const folder = breakHub((patient) => {
      const row = hotRowWith(patient, 'llama', 'left behind');
      oid = row.oid;
      const other = patient.value<Buffer>(
        'select deflated from hot_objects where id = ?',
        hotRowWith(patient, 'llama', 'on dev').id,
      );
      patient.change(
        'update hot_objects set deflated = ?, stored_bytes = ? where id = ?',
        other,
        other.length,
        row.id,
      );
      patient.change(
        `update hot_object_totals set stored_bytes = (select sum(length(deflated)) from hot_objects h where
         h.repository_id = hot_object_totals.repository_id)`,
      );
    });
    expectProblems(await doctor(folder), []);
    expectProblems(await doctor(folder, '--full'), [['I-02', LLAMA, new RegExp(`hot row of ${oid}`)]]);
  });

  it('names a ref that leads nowhere, and a branch that leads to a file', async () => {
    const nowhere = 'f'.repeat(40);
    const folder = breakHub((patient) => {
      const { change, repoId, value } = patient;
      const blob = oidOf(hotRowWith(patient, 'llama', '# Llama').oid);
      for (const [name, target] of [
        ['refs/tags/plain', oidOf(nowhere)],
        ['refs/heads/dev', blob],
      ] as const) {
        change(
          'update refs set target = ? where repository_id = ? and name = ?',
          target,
          repoId('llama'),
          name,
        );
        const old = value<string>(
          `select payload from events where kind = 'refs-updated' and payload like '%"${name}"%' order by id desc limit 1`,
        );
        const { moves } = JSON.parse(old) as { moves: { to: string }[] };
        change(
          'update events set payload = replace(payload, ?, ?) where payload = ?',
          `"to":"${moves[0]?.to ?? ''}"`,
          `"to":"${target.toString('hex')}"`,
          old,
        );
      }
    });
    expectProblems(await doctor(folder), [
      ['I-02', LLAMA, new RegExp(`^missing object ${nowhere}, named by refs/tags/plain`)],
      ['I-02', LLAMA, /^refs\/heads\/dev does not lead to a commit/],
    ]);
  });

  it('names an annotated tag whose row leads to another commit', async () => {
    const folder = breakHub(({ change, repoId }) => {
      change(
        "update refs set peeled = ? where repository_id = ? and name = 'refs/tags/told'",
        oidOf('e'.repeat(40)),
        repoId('llama'),
      );
    });
    expectProblems(await doctor(folder), [
      ['I-02', LLAMA, /^refs\/tags\/told leads to .*, its row says e{40}/],
    ]);
  });
});

describe('I-03: a pointer leads to a linked large object with its bytes', () => {
  const objectId = ({ value }: Patient, sha256: string): number =>
    value<number>('select id from large_objects where sha256 = ?', oidOf(sha256));

  it('names a pointer whose object is not linked', async () => {
    const folder = breakHub((patient) => {
      patient.change('delete from repository_objects where object_id = ?', objectId(patient, facts.inParts));
    });
    expectProblems(await doctor(folder), [
      ['I-03', LLAMA, new RegExp(`a pointer names ${facts.inParts}, which is not linked`)],
    ]);
  });

  it('names a pointer with another size than what is held', async () => {
    const folder = breakHub((patient) => {
      patient.change(
        'update large_objects set size_bytes = 100 where id = ?',
        objectId(patient, facts.inParts),
      );
      truncateSync(patient.object(largeKey(facts.inParts)), 100);
    });
    expectProblems(await doctor(folder), [
      ['I-03', LLAMA, new RegExp(`a pointer gives ${facts.inParts} ${7 * 1024 * 1024} bytes, not 100`)],
    ]);
  });

  it('finds a flipped bit in a plain file when it reads everything', async () => {
    const folder = breakHub(({ object }) => {
      flipByte(object(largeKey(facts.shared)), 500_000);
    });
    expectProblems(await doctor(folder), []);
    expectProblems(await doctor(folder, '--full'), [
      ['I-03', LLAMA, new RegExp(`large object ${facts.shared} has other bytes. Also needed by ${CORPUS}`)],
    ]);
  });

  it('finds a flipped bit in a xorb when it reads everything', async () => {
    let xorb = '';
    const folder = breakHub((patient) => {
      xorb = xorbOf(patient).xorb;
      flipByte(patient.object(xorb), middleOf(patient.object(xorb)));
    });
    expectProblems(await doctor(folder), []);
    expectProblems(await doctor(folder, '--full'), [
      ['I-03', LLAMA, new RegExp(`large object ${facts.byXet} in Xet form`)],
      ['I-04', LLAMA, new RegExp(`^${xorb} is damaged`)],
    ]);
  });
});

describe('I-04: what rows name is stored in full', () => {
  it('names a plain file that is gone, with every repository that needs it', async () => {
    const key = largeKey(facts.shared);
    const folder = breakHub(({ object }) => rmSync(object(key)));
    for (const flags of [[], ['--full']]) {
      expectProblems(await doctor(folder, ...flags), [
        ['I-04', LLAMA, new RegExp(`^${key} is missing. Also needed by ${CORPUS}.$`)],
      ]);
    }
  });

  it('names a plain file that was cut short', async () => {
    const key = largeKey(facts.inParts);
    const folder = breakHub(({ object }) => truncateSync(object(key), 7));
    expectProblems(await doctor(folder), [['I-04', LLAMA, new RegExp(`^${key} has 7 bytes, not`)]]);
  });

  it('names an object without any form', async () => {
    const folder = breakHub(({ change, object }) => {
      change('update large_objects set has_plain_form = 0 where sha256 = ?', oidOf(facts.shared));
      rmSync(object(largeKey(facts.shared)));
    });
    expectProblems(await doctor(folder), [['I-04', LLAMA, new RegExp(`${facts.shared} has no form at all`)]]);
  });

  it('names a Xet file that lost a term, and one that was never there', async () => {
    const lost = breakHub(({ change }) => change('delete from xet_terms where ordinal = 0'));
    expectProblems(await doctor(lost), [['I-04', LLAMA, new RegExp(`Xet file .* of ${facts.byXet} has`)]]);
    const never = breakHub(({ change }) => {
      change('delete from xet_terms');
      change('delete from xet_files');
    });
    expectProblems(await doctor(never), [
      ['I-04', LLAMA, new RegExp(`Xet file .* of ${facts.byXet} is not held`)],
    ]);
  });

  it('names a term that goes beyond its xorb', async () => {
    const folder = breakHub(({ change }) => change('update xet_terms set chunk_end = chunk_end + 1000'));
    expectProblems(await doctor(folder), [['I-04', LLAMA, /has a term outside its xorb/]]);
  });

  it('names a xorb or its index that is gone', async () => {
    let names = { xorb: '', chunks: '' };
    const folder = breakHub((patient) => {
      names = xorbOf(patient);
      rmSync(patient.object(names.xorb));
      rmSync(patient.object(names.chunks));
    });
    expectProblems(await doctor(folder), [
      ['I-04', LLAMA, new RegExp(`^${names.xorb} is missing`)],
      ['I-04', LLAMA, new RegExp(`^${names.chunks} is missing`)],
    ]);
  });

  it('finds a flipped bit in a chunk index when it reads everything', async () => {
    let chunks = '';
    const folder = breakHub((patient) => {
      chunks = xorbOf(patient).chunks;
      flipByte(patient.object(chunks), 20);
    });
    expectProblems(await doctor(folder, '--full'), [
      ['I-04', LLAMA, new RegExp(`^${chunks} has other bytes`)],
    ]);
  });

  it('names a part of an unfinished upload that is gone or has other bytes', async () => {
    let key = '';
    const gone = breakHub((patient) => {
      key = partOf(patient);
      rmSync(patient.object(key));
    });
    expectProblems(await doctor(gone), [['I-04', LLAMA, new RegExp(`^${key} is missing`)]]);
    const flipped = breakHub((patient) => flipByte(patient.object(partOf(patient)), 9));
    expectProblems(await doctor(flipped), []);
    expectProblems(await doctor(flipped, '--full'), [['I-04', LLAMA, new RegExp(`^${key} has other bytes`)]]);
  });
});

describe('I-05: counters are what a recount gives', () => {
  it.each([
    [
      'a count that is off',
      'update hot_object_totals set object_count = object_count + 1 where repository_id = ?',
    ],
    [
      'a sum that is off',
      'update hot_object_totals set stored_bytes = stored_bytes - 1 where repository_id = ?',
    ],
    ['a negative count', 'update hot_object_totals set object_count = -1 where repository_id = ?'],
    ['a counter that is gone', 'delete from hot_object_totals where repository_id = ?'],
  ])('names %s', async (_what, sql) => {
    const folder = breakHub(({ change, repoId }) => change(sql, repoId('corpus')));
    expectProblems(await doctor(folder), [['I-05', CORPUS, /hot rows of \d+ bytes are there, -?\d+ of/]]);
  });
});

describe('I-06: what was begun and given up does not outlive a sweep', () => {
  const swept = (patient: Patient, at = Date.now()): void =>
    patient.change("insert or replace into settings (key, value) values ('swept-at', ?)", String(at));

  function leave({ object }: Patient, key: string): void {
    mkdirSync(dirname(object(key)), { recursive: true });
    writeFileSync(object(key), 'left');
    const old = new Date(Date.now() - 3 * DAY_MS);
    utimesSync(object(key), old, old);
  }

  const STRAYS = [
    `packs/${'a'.repeat(24)}/${'b'.repeat(40)}.pack`,
    `large/aa/${'a'.repeat(64)}`,
    `xorbs/aa/${'a'.repeat(64)}`,
    `uploads/${'a'.repeat(24)}/00001`,
    'probe/0123456789abcdef',
  ];

  it('names stored objects that belong to nothing', async () => {
    const folder = breakHub((patient) => {
      swept(patient);
      for (const key of STRAYS) leave(patient, key);
    });
    expectProblems(
      await doctor(folder),
      STRAYS.map((key) => ['I-06', undefined, new RegExp(`^${key} belongs to nothing`)]),
    );
  });

  it('leaves to the next sweep what the last one could not know', async () => {
    const folder = breakHub((patient) => {
      swept(patient, Date.now() - 4 * DAY_MS);
      for (const key of STRAYS) leave(patient, key);
    });
    expectProblems(await doctor(folder), []);
  });

  it('leaves to the next sweep the packs of a repository that was just deleted', async () => {
    const folder = breakHub((patient) => {
      swept(patient, Date.now() - 1000);
      const { key } = packOf(patient, true);
      const old = new Date(Date.now() - 3 * DAY_MS);
      for (const end of ['pack', 'idx']) utimesSync(patient.object(`${key}.${end}`), old, old);
    });
    const { secret } = await ask<{ secret: string }>(folder, 'token', 'create', 'ada', '--name', 'more');
    const rows = new BetterSqlite3(join(folder, 'hub.db'));
    // A hub that has no sweep to do yet.
    rows.prepare("update jobs set run_at = ? where kind = 'sweep'").run(Date.now() + DAY_MS);
    rows.close();
    const hub = await start(folder);
    await createHubApi({ url: hub.url, token: secret }).deleteRepo('models/ada/llama');
    await hub.end('SIGKILL');
    expectProblems(await doctor(folder), []);
  });

  it('names an upload that expired before the last sweep', async () => {
    const folder = breakHub((patient) => {
      swept(patient);
      patient.change('update uploads set expires_at = ?', Date.now() - DAY_MS);
    });
    expectProblems(await doctor(folder), [['I-06', LLAMA, /^upload [0-9a-f]{24} expired and was not swept/]]);
  });
});

describe('I-07: the database is whole', () => {
  it('names a row that points to nothing', async () => {
    const folder = breakHub(({ change }) => {
      change(
        "insert into repository_names (repository_id, owner_id, kind, folded, is_redirect) values (999, 1, 'model', 'old', 1)",
      );
    });
    expectProblems(await doctor(folder), [
      ['I-07', undefined, /repository_names names a row of repositories/],
    ]);
  });

  it('names a table whose index lost an entry, and goes on', async () => {
    const folder = breakHub((patient) => {
      const page = patient.value<number>("select rootpage from sqlite_schema where name = 'jobs_by_time'");
      patient.rows.pragma('wal_checkpoint(TRUNCATE)');
      const path = join(patient.folder, 'hub.db');
      // Of a leaf page (file format, 1.6): the number of its cells.
      const at = (page - 1) * 4096 + 3;
      const bytes = readFileSync(path);
      bytes.writeUInt16BE(bytes.readUInt16BE(at) - 1, at);
      writeFileSync(path, bytes);
    });
    const report = await doctor(folder);
    expect(report.problems.map(({ invariant }) => invariant)).toEqual(report.problems.map(() => 'I-07'));
    expect(report.problems.map(({ what }) => what).join()).toContain('jobs');
    expect(report.checked['repositories']).toBe(3);
  });

  it('finds pages of noise and does not break on them', async () => {
    const tables = ['refs', 'repositories', 'hot_objects', 'large_objects', 'events', 'packs', 'xorbs'];
    for (const table of tables) {
      const folder = breakHub((patient) => {
        const page = patient.value<number>('select rootpage from sqlite_schema where name = ?', table);
        patient.rows.pragma('wal_checkpoint(TRUNCATE)');
        const path = join(patient.folder, 'hub.db');
        const bytes = readFileSync(path);
        bytes.fill(0xa5, (page - 1) * 4096, page * 4096);
        writeFileSync(path, bytes);
      });
      const { problems } = await doctor(folder, '--full');
      expect(
        problems.some(({ invariant }) => invariant === 'I-07'),
        table,
      ).toBe(true);
    }
  });

  it('says in one sentence when there is no database to check', async () => {
    const folder = breakHub(() => undefined);
    for (const name of readdirSync(folder)) {
      if (name.startsWith('hub.db')) writeFileSync(join(folder, name), 'noise '.repeat(2_000));
    }
    const { code, stdout, stderr } = await runAtoll(['doctor', '--data-dir', folder]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^The database .*\.\n$/);
  });
});

describe('I-08: nothing is left of processes that are gone', () => {
  it('names temporary files that a running hub has no use for', async () => {
    const folder = breakHub(() => undefined);
    const hub = await start(folder);
    const old = new Date(Date.now() - 2 * DAY_MS);
    for (const path of ['staging/spool-left', 'storage/staging/1.left']) {
      writeFileSync(join(folder, path), '');
      utimesSync(join(folder, path), old, old);
    }
    writeFileSync(join(folder, 'staging/spool-young'), '');
    const report = await doctor(folder);
    await hub.end('SIGTERM');
    expectProblems(report, [
      ['I-08', undefined, /^temporary file spool-left was left behind in .*patient-\d+\/staging\.$/],
      ['I-08', undefined, /^temporary file 1\.left was left behind in .*storage\/staging\.$/],
    ]);
  });

  it('has nothing to name after the next start', async () => {
    const folder = breakHub((patient) => {
      writeFileSync(join(patient.folder, 'staging/spool-left'), '');
      writeFileSync(join(patient.folder, 'storage/staging/999999999.left'), '');
    });
    expectProblems(await doctor(folder), []);
    expect([
      ...readdirSync(join(folder, 'staging')),
      ...readdirSync(join(folder, 'storage/staging')),
    ]).toEqual([]);
  });
});

describe('I-09: no acknowledged move of a ref is lost', () => {
  it('names a branch that went back to an earlier commit', async () => {
    const folder = breakHub(({ change, repoId, value }) => {
      const payload = value<string>(
        `select payload from events where repository_id = ? and payload like '%"refs/heads/main"%' order by id limit 1`,
        repoId('corpus'),
      );
      const { moves } = JSON.parse(payload) as { moves: { to: string }[] };
      change(
        'update refs set target = ? where repository_id = ?',
        oidOf(moves[0]?.to ?? ''),
        repoId('corpus'),
      );
    });
    expectProblems(await doctor(folder), [['I-09', CORPUS, /^refs\/heads\/main is .*, last moved to/]]);
  });

  it('names a branch that is gone, and one that came from nowhere', async () => {
    const folder = breakHub(({ change, repoId }) => {
      change(
        "update refs set name = 'refs/heads/other' where repository_id = ? and name = 'refs/heads/dev'",
        repoId('llama'),
      );
    });
    expectProblems(await doctor(folder), [
      ['I-09', LLAMA, /^refs\/heads\/dev is absent, last moved to/],
      ['I-09', LLAMA, /^refs\/heads\/other is [0-9a-f]{40}, last moved to nothing/],
    ]);
  });

  it('names a branch whose repository has no events at all', async () => {
    const folder = breakHub(({ change, repoId }) => {
      change('delete from events where repository_id = ?', repoId('corpus'));
    });
    expectProblems(await doctor(folder), [
      ['I-09', CORPUS, /^refs\/heads\/main is .*, last moved to nothing/],
    ]);
  });

  it('names a move that does not start where the one before ended', async () => {
    const folder = breakHub(({ change, value, repoId }) => {
      const id = value<number>(
        `select id from events where repository_id = ? and kind = 'refs-updated' and payload like '%"refs/heads/main"%'
         order by id limit 1 offset 1`,
        repoId('llama'),
      );
      change('delete from events where id = ?', id);
    });
    expectProblems(await doctor(folder), [['I-09', LLAMA, /^event \d+: refs\/heads\/main was moved from/]]);
  });

  it('names an event that cannot be read', async () => {
    const folder = breakHub(({ change, value, repoId }) => {
      const id = value<number>(
        "select max(id) from events where repository_id = ? and kind = 'refs-updated'",
        repoId('corpus'),
      );
      change('update events set payload = \'{"moves": [nonsense\' where id = ?', id);
    });
    expectProblems(await doctor(folder), [
      ['I-09', CORPUS, /^event \d+ cannot be read/],
      ['I-09', CORPUS, /^refs\/heads\/main is/],
    ]);
  });
});

describe('I-12: buckets hold what they list', () => {
  /** A bucket `ada/pail` with one file that is some large object of the sample. */
  function makeBucket({ change, value }: Patient): { readonly id: number; readonly object: number } {
    const owner = value<number>("select id from namespaces where name = 'ada'");
    const object = value<number>('select min(id) from large_objects where xet_hash is not null');
    change(
      `insert into repositories (public_id, kind, owner_id, name, folded, visibility, default_branch, created_at,
         updated_at) values (?, 'bucket', ?, 'pail', 'pail', 'public', '', 1, 1)`,
      'f'.repeat(24),
      owner,
    );
    const id = value<number>("select id from repositories where name = 'pail'");
    change(
      `insert into repository_names (repository_id, owner_id, kind, folded, normal, is_redirect)
         values (?, ?, 'bucket', 'pail', 'pail', 0)`,
      id,
      owner,
    );
    change("insert into bucket_files values (?, 'a', ?, null, null, 1)", id, object);
    change('insert into bucket_totals select ?, 1, size_bytes from large_objects where id = ?', id, object);
    change(
      'insert into repository_objects (repository_id, object_id, created_at) values (?, ?, 1)',
      id,
      object,
    );
    return { id, object };
  }
  const PAIL = 'buckets/ada/pail';

  it('has nothing against a sound bucket', async () => {
    const folder = breakHub((patient) => void makeBucket(patient));
    expectProblems(await doctor(folder), []);
  });

  it('names a bucket with a file that is not linked', async () => {
    const folder = breakHub((patient) => {
      const { id } = makeBucket(patient);
      patient.change('delete from repository_objects where repository_id = ?', id);
    });
    expectProblems(await doctor(folder), [['I-12', PAIL, /^1 files have content that is not linked/]]);
  });

  it('names a bucket with a link that no file needs, and with a wrong total', async () => {
    const folder = breakHub((patient) => {
      const { id } = makeBucket(patient);
      patient.change('delete from bucket_files where repository_id = ?', id);
    });
    expectProblems(await doctor(folder), [
      ['I-12', PAIL, /^0 files of 0 bytes are there, 1 of \d+ bytes are counted/],
      ['I-12', PAIL, /^1 links belong to no file/],
    ]);
  });
});

describe('I-11: one live name for each repository', () => {
  it('names a repository that is not found by its name', async () => {
    const folder = breakHub(({ change, repoId }) => {
      change('delete from repository_names where repository_id = ?', repoId('corpus'));
    });
    expectProblems(await doctor(folder), [['I-11', CORPUS, /is not found by its own name/]]);
  });

  it('names a repository whose name is only a redirect', async () => {
    const folder = breakHub(({ change, repoId }) => {
      change('update repository_names set is_redirect = 1 where repository_id = ?', repoId('corpus'));
    });
    expectProblems(await doctor(folder), [['I-11', CORPUS, /is not found by its own name/]]);
  });

  it('names a repository with two names', async () => {
    const folder = breakHub(({ change, repoId }) => {
      change(
        `insert into repository_names (repository_id, owner_id, kind, folded, is_redirect)
         select repository_id, owner_id, kind, 'second', 0 from repository_names where repository_id = ?`,
        repoId('corpus'),
      );
    });
    expectProblems(await doctor(folder), [['I-11', CORPUS, /is also found as the dataset "second"/]]);
  });

  it('has nothing against former names', async () => {
    const folder = breakHub(({ change, repoId }) => {
      change(
        `insert into repository_names (repository_id, owner_id, kind, folded, is_redirect)
         select repository_id, owner_id, kind, 'former', 1 from repository_names where repository_id = ?`,
        repoId('corpus'),
      );
    });
    expectProblems(await doctor(folder), []);
  });

  it('names both repositories when one took the name of the other', async () => {
    const folder = breakHub(({ change, repoId }) => {
      change(
        'update repository_names set repository_id = ? where repository_id = ?',
        repoId('again'),
        repoId('llama'),
      );
    });
    expectProblems(await doctor(folder), [
      ['I-11', LLAMA, /is not found by its own name/],
      ['I-11', 'ada/again', /is also found as the model "llama"/],
    ]);
  });
});

describe('the answer', () => {
  it('is text for people, with the repository before what is wrong', async () => {
    const folder = breakHub(({ object }) => rmSync(object(largeKey(facts.inParts))));
    const { code, stdout } = await runAtoll(['doctor', '--data-dir', folder]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^I-04 {2}ada\/llama: large\/.* is missing\.\n1 problem\. Checked: /);
  });

  it('stays short when everything is broken', async () => {
    const folder = breakHub((patient) => {
      const { value, rows, repoId } = patient;
      const insert = rows.prepare(
        'insert into refs (repository_id, name, target, updated_at) values (?, ?, ?, 0)',
      );
      const target = value<Buffer>('select target from refs where repository_id = ?', repoId('corpus'));
      rows.transaction(() => {
        for (let index = 0; index < 10_500; index++)
          insert.run(repoId('corpus'), `refs/heads/b${index}`, target);
      })();
    });
    const { problems } = await doctor(folder);
    expect(problems).toHaveLength(10_001);
    expect(problems.at(-1)?.what).toBe('more than these 10000 problems.');
    for (const { invariant, repo } of problems) expect([invariant, repo]).toEqual(['I-09', CORPUS]);
  });

  it('does not let one repository hide another', async () => {
    const folder = breakHub((patient) => {
      patient.change('delete from packs where pack_id = ?', packOf(patient, true).id);
      patient.change('delete from refs where repository_id = ?', patient.repoId('corpus'));
    });
    const { problems } = await doctor(folder);
    const missing = problems.filter(({ repo }) => repo === LLAMA);
    expect(missing).toHaveLength(101);
    expect(missing.at(-1)?.what).toBe('more than these 100 problems.');
    expect(problems.filter(({ repo }) => repo !== LLAMA)).toMatchObject([
      { invariant: 'I-09', repo: CORPUS },
    ]);
  });
});
