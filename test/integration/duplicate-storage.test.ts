import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Repo } from '../../server/domain/repo.ts';
import { SWEEP_GRACE_MS } from '../../server/services/sweep.ts';
import { commitBody } from '../support/hub-client.ts';
import { openHubServices, type HubServices } from '../support/hub-services.ts';

/* What a duplicate has in common with its source is kept as long as either is there, and goes with the last. */

let hub: HubServices;
beforeEach(async () => {
  hub = await openHubServices();
});
afterEach(() => hub[Symbol.asyncDispose]());

async function commitPack(repo: Repo, path: string): Promise<void> {
  const bytes = randomBytes(1_200_000);
  const body = commitBody({ title: `add ${path}`, files: [{ path, bytes, form: 'inline' }] });
  const source = (async function* () {
    yield await Promise.resolve(body);
  })();
  await hub.services.commits.commit(await hub.writer(repo), 'main', source);
}

const asked = (name: string) => ({ kind: 'model' as const, owner: 'ada', name });

async function duplicate(name: string, copy: string): Promise<Repo> {
  const { granted } = await hub.services.authorize.repo(hub.actor, asked(name), 'read');
  return hub.services.duplicates.duplicate(granted, { owner: 'ada', name: copy, visibility: undefined });
}

async function remove(name: string): Promise<void> {
  const { granted } = await hub.services.authorize.repo(hub.actor, asked(name), 'administer');
  await hub.services.repositories.delete(granted);
}

/** A day and a sweep later doctor must agree, before the sweep and after it. */
async function sweepLater(): Promise<number> {
  hub.clock.advance(SWEEP_GRACE_MS + 60_000);
  expect((await hub.services.doctor.run({ full: true })).problems).toEqual([]);
  await hub.services.sweeps.sweep();
  expect((await hub.services.doctor.run({ full: true })).problems).toEqual([]);
  let packs = 0;
  for await (const { key } of hub.store.list('packs/')) if (key.endsWith('.pack')) packs++;
  return packs;
}

test('packs outlive their repository while a duplicate lists them, and are swept after the last', async () => {
  const source = await hub.createRepo('source');
  await commitPack(source, 'one.txt');
  const copy = await duplicate('source', 'copy');
  await duplicate('copy', 'copy-of-copy');
  await commitPack(copy, 'own.txt');
  expect(await sweepLater()).toBe(2);
  await remove('source');
  expect(await sweepLater()).toBe(2);
  await remove('copy');
  expect(await sweepLater()).toBe(1);
  await remove('copy-of-copy');
  expect(await sweepLater()).toBe(0);
});

test('a duplicate that fails leaves nothing, and can be asked for again', async () => {
  const source = await hub.createRepo('source');
  await commitPack(source, 'one.txt');
  for (const when of ['before', 'inside', 'after'] as const) {
    const before = hub.rowCounts();
    hub.db.fail({ mode: 'write', call: 1, when });
    await expect(duplicate('source', `copy-${when}`)).rejects.toThrow('Planted fault');
    expect(hub.db.heal()).toBe(true);
    if (when !== 'after') expect(hub.rowCounts()).toEqual(before);
    const again = duplicate('source', `copy-${when}`);
    if (when === 'after') await expect(again).rejects.toMatchObject({ code: 'Conflict' });
    else expect((await again).name).toBe(`copy-${when}`);
  }
  expect((await hub.services.doctor.run({ full: true })).problems).toEqual([]);
});
