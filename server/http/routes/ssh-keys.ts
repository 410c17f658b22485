import { timestamp } from '../../contract/shapes.ts';
import * as contract from '../../contract/ssh-keys.ts';
import { HubError } from '../../domain/errors.ts';
import { isPublicId, type PublicId } from '../../domain/ids.ts';
import { fingerprintText, publicKeyText, type SshKeys, type StoredSshKey } from '../../services/ssh-keys.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { empty, json } from '../reply.ts';

/** Public keys for SSH: those of the caller, and those that open one repository. */
export function sshKeyRoutes({ sshKeys }: { readonly sshKeys: SshKeys }): readonly Endpoint[] {
  return [
    serve(contract.listSshKeys, async ({ actor }) =>
      json((await sshKeys.listOwn(actor.user.id)).map(keyShape)),
    ),

    serve(contract.addSshKey, async ({ actor, body }) => {
      const wish = { key: body.key, title: body.title ?? undefined };
      return json(keyShape(await sshKeys.addOwn(actor.user.id, wish)), 201);
    }),

    serve(contract.readSshKey, async ({ actor, params }) =>
      json(keyShape(pick(await sshKeys.listOwn(actor.user.id), params['key']))),
    ),

    serve(contract.deleteSshKey, async ({ actor, params }) => {
      await sshKeys.removeOwn(actor.user.id, parseId(params['key']));
      return empty();
    }),

    serve(contract.listDeployKeys, async ({ granted }) =>
      json((await sshKeys.list(granted)).map(deployKeyShape)),
    ),

    serve(contract.addDeployKey, async ({ granted, body }) => {
      const level = (body.read_only ?? true) ? 'read' : 'write';
      const wish = { key: body.key, title: body.title ?? undefined, level } as const;
      return json(deployKeyShape(await sshKeys.add(granted, wish)), 201);
    }),

    serve(contract.readDeployKey, async ({ granted, params }) =>
      json(deployKeyShape(pick(await sshKeys.list(granted), params['key']))),
    ),

    serve(contract.deleteDeployKey, async ({ granted, params }) => {
      await sshKeys.remove(granted, parseId(params['key']));
      return empty();
    }),
  ];
}

const noSuchKey = (): HubError => new HubError('NotFound', 'There is no such key.');

function parseId(id = ''): PublicId {
  if (!isPublicId(id)) throw noSuchKey();
  return id;
}

function pick(keys: readonly StoredSshKey[], id: string | undefined): StoredSshKey {
  const key = keys.find(({ publicId }) => publicId === id);
  if (!key) throw noSuchKey();
  return key;
}

const keyShape = (key: StoredSshKey): contract.SshKeyReply => ({
  id: key.publicId,
  title: key.title,
  key_type: key.type,
  fingerprint: fingerprintText(key),
  key: publicKeyText(key),
  created_at: timestamp(key.createdAt),
  last_used: key.lastUsedAt === undefined ? null : timestamp(key.lastUsedAt),
});

const deployKeyShape = (key: StoredSshKey): contract.DeployKeyReply => ({
  ...keyShape(key),
  read_only: key.level !== 'write',
  added_by: key.addedBy ?? null,
});
