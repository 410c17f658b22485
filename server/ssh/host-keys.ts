import { createHash } from 'node:crypto';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { HubError } from '../domain/errors.ts';
import { readOrMakeSecretFile } from '../platform/secret-file.ts';

/** A key by which clients know this hub again. */
export interface HostKey {
  readonly type: string;
  /** `SHA256:...`, as clients show it before they trust a host. */
  readonly fingerprint: string;
  readonly key: ssh2.ParsedKey;
}

const KINDS = [
  { file: 'ssh-host-ed25519.key', make: () => ssh2.utils.generateKeyPairSync('ed25519') },
  { file: 'ssh-host-ecdsa.key', make: () => ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }) },
] as const;

/** The hub's own keys, made on its first start; files that only their owner can read. Throws Unavailable. */
export async function readHostKeys(dataDir: string): Promise<readonly HostKey[]> {
  const keys: HostKey[] = [];
  for (const { file, make } of KINDS) {
    const path = join(dataDir, file);
    const text = await readOrMakeSecretFile(path, () => Promise.resolve(Buffer.from(make().private)));
    const key = ssh2.utils.parseKey(text);
    if (key instanceof Error || !key.isPrivateKey()) {
      throw new HubError(
        'Unavailable',
        `The key file ${path} is damaged. Restore it, or delete it for a new key.`,
      );
    }
    const hash = createHash('sha256').update(key.getPublicSSH()).digest('base64').replace(/=+$/, '');
    keys.push({ type: key.type, fingerprint: `SHA256:${hash}`, key });
  }
  return keys;
}
