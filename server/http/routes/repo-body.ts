import { forbidden, HubError } from '../../domain/errors.ts';

/** The parts of `owner/name`. Throws InvalidName for anything else. */
export function splitRepoId(id: string): { readonly owner: string; readonly name: string } {
  const [owner = '', name, ...others] = id.split('/');
  if (name === undefined || others.length > 0) {
    throw new HubError('InvalidName', 'A repository is named by its owner and its name, as in "owner/name".');
  }
  return { owner, name };
}

/** Who shall see a repository, in either spelling that clients have; undefined when the body does not say. */
export function visibilityOf(body: {
  readonly visibility?: string | null | undefined;
  readonly private?: boolean | null | undefined;
}): 'public' | 'private' | undefined {
  if (body.visibility === 'protected') throw forbidden('This hub has no protected repositories.');
  if (body.visibility === 'public' || body.visibility === 'private') return body.visibility;
  return typeof body.private === 'boolean' ? (body.private ? 'private' : 'public') : undefined;
}
