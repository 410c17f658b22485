import type { Environment } from '../server/config/data-folder.ts';

/** Variables the hub needs beside its own `ATOLL_*`; compared in upper case, as Windows does. */
const passed = new Set(
  (
    'PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR TEMP TMP XDG_DATA_HOME XDG_RUNTIME_DIR ' +
    'SYSTEMROOT WINDIR COMSPEC PATHEXT APPDATA LOCALAPPDATA USERPROFILE HOMEDRIVE HOMEPATH ' +
    'HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS'
  ).split(' '),
);
/** Settings of the hub, the locale, and the usual sources of S3 credentials. */
const passedPrefixes = ['ATOLL_', 'LC_', 'AWS_'];

/**
 * What of the desktop's environment reaches the hub. A session carries agents, tokens and preloads that a
 * server has no use for; what is not listed stays behind.
 */
export function hubEnvironment(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => {
      const name = entry[0].toUpperCase();
      if (entry[1] === undefined) return false;
      return passed.has(name) || passedPrefixes.some((prefix) => name.startsWith(prefix));
    }),
  );
}
