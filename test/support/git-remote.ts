/** The address of a repository for git clients, with the token as its password. */
export const remoteOf = (hub: { readonly url: string }, token: string, path: string): string => {
  const url = new URL(path, `${hub.url}/`);
  url.username = 'anyone';
  url.password = token;
  return url.href;
};
