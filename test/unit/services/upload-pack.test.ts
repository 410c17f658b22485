import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import type { Repo } from '../../../server/domain/repo.ts';
import { newObject, writeTag, writeTree } from '../../../server/git/objects.ts';
import type { GitProtocol } from '../../../server/services/git-exchange.ts';
import { setRef, storeHistory, storeObjects } from '../../support/git-history.ts';
import { openHubServices, type HubServices } from '../../support/hub-services.ts';
import { packets, readAnswer } from '../../support/wire.ts';

/* What may be fetched, below HTTP and SSH: hidden refs, unreachable objects, conversations on one channel. */

let hub: HubServices;
let repo: Repo;
let commits: readonly Oid[];
const secretBlob = newObject('blob', Buffer.from('secret'));
const openBlob = newObject('blob', Buffer.from('open'));
const treeOf = (oid: Oid) => newObject('tree', writeTree([{ mode: '100644', name: 'f', oid }]));
const [secretTree, openTree] = [treeOf(secretBlob.oid), treeOf(openBlob.oid)];

beforeAll(async () => {
  hub = await openHubServices();
  repo = await hub.createRepo('wire');
  await storeObjects(hub.db, repo, [secretBlob, openBlob, secretTree, openTree]);
  commits = await storeHistory(hub.db, repo, [
    { parents: [], time: 1000 },
    { parents: [0], time: 2000, tree: openTree.oid },
    { parents: [1], time: 3000, tree: openTree.oid },
    // Nobody is told of these two.
    { parents: [1], time: 4000, tree: secretTree.oid },
    { parents: [3], time: 5000, tree: secretTree.oid },
  ]);
  await setRef(hub.db, repo, 'refs/heads/topic', at(2));
  await setRef(hub.db, repo, 'refs/pr/1', at(1));
  await setRef(hub.db, repo, 'refs/internal/kept', at(4));
});
afterAll(() => hub[Symbol.asyncDispose]());

const at = (n: number): Oid => commits[n] ?? ('' as Oid);

/** One exchange; the input is given as a client on a channel would, each piece once the one before was answered. */
async function exchange(
  protocol: GitProtocol,
  isStateless: boolean,
  pieces: readonly (readonly string[])[],
): Promise<string[]> {
  const granted = await hub.writer(repo);
  const input = async function* (): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield await Promise.resolve(packets(piece));
  };
  const parts: Uint8Array[] = [];
  const { signal } = new AbortController();
  for await (const part of hub.services.uploadPack.serve(granted, {
    protocol,
    isStateless,
    from: '127.0.0.1',
    input: input(),
    signal,
  }))
    parts.push(Buffer.from(part));
  return readAnswer(Buffer.concat(parts));
}
const fetch = (...lines: readonly string[]): Promise<string[]> =>
  exchange(2, true, [['command=fetch', 'delim', ...lines, 'flush']]);
const PACK = expect.stringMatching(/^1:PACK/) as string;

describe('what readers are not told of', () => {
  it('is not advertised in any protocol', async () => {
    const granted = await hub.writer(repo);
    const v0 = readAnswer(await hub.services.uploadPack.advertise(granted, 0)).join('\n');
    const v2 = (await exchange(2, true, [['command=ls-refs', 'delim', 'symrefs', 'flush']])).join('\n');
    for (const text of [v0, v2]) {
      expect(text).toContain('refs/pr/1');
      expect(text).toContain('refs/heads/topic');
      expect(text).not.toContain('internal');
      expect(text).not.toContain(at(4));
    }
    expect(
      await exchange(2, true, [['command=ls-refs', 'delim', 'ref-prefix refs/internal/', 'flush']]),
    ).toEqual(['flush']);
  });

  it('is not sent by its id, whatever it is', async () => {
    for (const oid of [at(4), at(3), secretBlob.oid, secretTree.oid]) {
      expect(await fetch(`want ${oid}`, 'done')).toEqual([`ERR upload-pack: not our ref ${oid}`]);
      const v0 = await exchange(0, true, [[`want ${oid}`, 'flush', 'done']]);
      expect(v0).toEqual([`ERR upload-pack: not our ref ${oid}`]);
    }
    expect(await fetch('want-ref refs/internal/kept', 'done')).toEqual([
      'ERR unknown ref refs/internal/kept',
    ]);
    expect((await fetch(`want ${at(2)}`, 'deepen-not refs/internal/kept', 'done'))[0]).toMatch(
      /^ERR .*deepen-not is not a ref/,
    );
  });

  it('has no size', async () => {
    const info = await exchange(2, true, [
      ['command=object-info', 'delim', 'size', `oid ${secretBlob.oid}`, `oid ${openBlob.oid}`, 'flush'],
    ]);
    expect(info).toEqual(['size', `${secretBlob.oid} `, `${openBlob.oid} 4`, 'flush']);
  });

  it('may be what a client has: history of a branch that was moved back', async () => {
    const answer = await fetch(`want ${at(2)}`, 'no-progress', `have ${at(4)}`);
    expect(answer.slice(0, 2)).toEqual(['acknowledgments', `ACK ${at(4)}`]);
  });
});

describe('what readers may have', () => {
  it('is sent by its id: former commits, folders and files', async () => {
    for (const oid of [at(1), at(0), openTree.oid, openBlob.oid])
      expect(await fetch(`want ${oid}`, 'no-progress', 'done')).toEqual(['packfile', PACK, 'flush']);
  });

  it('includes tags of tags, and tags of files', async () => {
    const tagger = { name: 'A', email: 'a@b', time: 1, zone: '+0000' };
    const tag = (object: Oid, type: 'commit' | 'tag' | 'blob', name: string) =>
      newObject('tag', writeTag({ object, type, tag: name, tagger, message: 'x\n' }));
    const inner = tag(at(2), 'commit', 'inner');
    const outer = tag(inner.oid, 'tag', 'outer');
    const ofFile = tag(secretBlob.oid, 'blob', 'file');
    await storeObjects(hub.db, repo, [inner, outer, ofFile]);
    await setRef(hub.db, repo, 'refs/tags/outer', outer.oid);
    await setRef(hub.db, repo, 'refs/tags/file', ofFile.oid);
    for (const oid of [outer.oid, inner.oid, ofFile.oid, secretBlob.oid])
      expect([oid, ...(await fetch(`want ${oid}`, 'no-progress', 'done'))]).toEqual([
        oid,
        'packfile',
        PACK,
        'flush',
      ]);
  });
});

describe('a conversation on one channel', () => {
  it('goes on from command to command in protocol 2', async () => {
    const list = ['command=ls-refs', 'delim', 'ref-prefix refs/pr/', 'flush'];
    const get = ['command=fetch', 'delim', `want ${at(2)}`, 'no-progress', `have ${at(0)}`, 'flush'];
    const answer = await exchange(2, false, [list, get, list, ['flush']]);
    const refs = [`${at(1)} refs/pr/1`, 'flush'];
    expect(answer).toEqual([
      ...refs,
      ...['acknowledgments', `ACK ${at(0)}`, 'ready', 'delim', 'packfile', PACK, 'flush'],
      ...refs,
    ]);
    expect(await exchange(2, false, [list])).toEqual(refs);
    expect(await exchange(2, false, [])).toEqual([]);
  });

  it('negotiates round by round in protocol 0', async () => {
    const nobodys = 'f'.repeat(40);
    const words = 'multi_ack_detailed side-band-64k ofs-delta no-progress';
    const answer = await exchange(0, false, [
      [`want ${at(2)} ${words}`, 'flush'],
      [`have ${nobodys}`, 'flush'],
      [`have ${at(1)}`, 'flush'],
      [`have ${nobodys}`, 'done'],
    ]);
    expect(answer).toEqual([
      'NAK',
      ...[`ACK ${at(1)} common`, `ACK ${at(1)} ready`, 'NAK'],
      ...[`ACK ${nobodys} ready`, `ACK ${at(1)}`],
      ...[PACK, 'flush'],
    ]);
  });

  it('tells new ends of history before the haves', async () => {
    const answer = await exchange(0, false, [
      [`want ${at(2)} side-band-64k no-progress`, `shallow ${at(2)}`, 'deepen 2', 'flush'],
      [`have ${at(2)}`, 'done'],
    ]);
    expect(answer).toEqual([
      `shallow ${at(1)}`,
      `unshallow ${at(2)}`,
      'flush',
      `ACK ${at(2)}`,
      PACK,
      'flush',
    ]);
  });

  it('ends without a word when the client has everything, or leaves', async () => {
    expect(await exchange(0, false, [['flush']])).toEqual([]);
    expect(await exchange(0, false, [])).toEqual([]);
    expect(
      await exchange(0, false, [
        [`want ${at(2)}`, 'flush'],
        ['have ' + at(0), 'flush'],
      ]),
    ).toEqual([`ACK ${at(0)}`]);
  });
});
