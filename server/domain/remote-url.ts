import { HubError } from './errors.ts';

/**
 * The address of a git repository elsewhere, in the form that paths are appended to. Throws InvalidRequest: for what is
 * not HTTP, and for credentials in it, which would be told to everybody who sees the address.
 */
export function parseRemoteUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new HubError('InvalidRequest', 'URL must begin with http:// or https://.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new HubError(
      'InvalidRequest',
      'URL must not hold a password: give it with --token-file or --token-stdin.',
    );
  }
  if (url.search !== '' || url.hash !== '') {
    throw new HubError('InvalidRequest', 'URL must not have a "?" or "#".');
  }
  return url.href.replace(/\/+$/, '');
}

/** What stands before `/info/lfs` (git-lfs, "Server Discovery"). */
export const lfsEndpoint = (remote: string): string =>
  `${remote.endsWith('.git') ? remote : `${remote}.git`}/info/lfs`;
