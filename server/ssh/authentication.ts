import { timingSafeEqual } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { publicKeyText, type KnownSshKey, type SshKeys } from '../services/ssh-keys.ts';
import type { RateWindow } from '../services/rate-window.ts';

/** The one name in addresses: who it is, the key says. */
export const SSH_USER = 'git';

const MOST_TRIES = 6;
/** Asking whether a known key would do is no try, but nobody has so many keys. */
const MOST_REQUESTS = 20;
/** How long each further try of a source waits that has failed too often. A key that is known never waits. */
const SLOWED_MS = 1_000;
/** RSA signs under the name of the hash that it is to use; SHA-1 has none of these (RFC 8332). */
const RSA_HASHES: readonly unknown[] = ['sha256', 'sha512'];

export interface AuthenticationParts {
  readonly sshKeys: SshKeys;
  readonly connection: ssh2.Connection;
  /** Where the connection comes from, for counting. */
  readonly source: string;
  readonly failures: RateWindow;
  readonly signal: AbortSignal;
  onKnown(known: KnownSshKey): void;
}

/**
 * Answers who wants to come in. What does not lead in is refused in one way, and after the same look-up: a wrong user name
 * as an unknown key.
 */
export function answerAuthentication(parts: AuthenticationParts): void {
  const { connection, source, failures, signal } = parts;
  let requests = 0;
  let tries = 0;

  async function answer(context: ssh2.AuthContext): Promise<void> {
    if (++requests > MOST_REQUESTS) {
      connection.end();
      return;
    }
    // How every client begins, to learn how it could go on.
    if (context.method === 'none' && requests === 1) {
      context.reject(['publickey']);
      return;
    }
    const known = await findKey(parts.sshKeys, context);
    if (signal.aborted) return;
    if (known) {
      if (context.method === 'publickey' && context.signature) parts.onKnown(known);
      context.accept();
      return;
    }
    const isSlowed = failures.used(source).count >= failures.most;
    failures.add(source);
    if (isSlowed) await delay(SLOWED_MS, undefined, { signal });
    if (++tries >= MOST_TRIES) connection.end();
    else context.reject(['publickey']);
  }

  connection.on('authentication', (context) => {
    answer(context).catch(() => connection.end());
  });
}

/** The key that a request offers or signs with; undefined where it leads nowhere. */
async function findKey(sshKeys: SshKeys, context: ssh2.AuthContext): Promise<KnownSshKey | undefined> {
  if (context.method !== 'publickey') return undefined;
  const { algo, data } = context.key;
  const known = await sshKeys.find(data);
  if (!known || context.username !== SSH_USER || known.key.type !== algo) return undefined;
  if (known.key.blob.byteLength !== data.byteLength || !timingSafeEqual(known.key.blob, data))
    return undefined;
  if (algo === 'ssh-rsa' && !RSA_HASHES.includes(context.hashAlgo)) return undefined;
  return context.signature === undefined || isSigned(known, context) ? known : undefined;
}

function isSigned({ key }: KnownSshKey, context: ssh2.PublicKeyAuthContext): boolean {
  const parsed = ssh2.utils.parseKey(publicKeyText(key));
  const { blob, signature, hashAlgo } = context;
  if (parsed instanceof Error || !blob || !signature) return false;
  return parsed.verify(blob, signature, hashAlgo) === true;
}
