import { oauthRefusal } from '../domain/oauth.ts';
import type { AuthorizationRequest } from '../services/oauth-codes.ts';
import { header, type HubRequest } from './request.ts';

type Parameter = string | null | undefined;

/** The parameters of an authorization request, from a query or from the page's own body, by our names. */
export const authorizationRequest = (given: {
  readonly client_id?: Parameter;
  readonly redirect_uri?: Parameter;
  readonly response_type?: Parameter;
  readonly scope?: Parameter;
  readonly state?: Parameter;
  readonly nonce?: Parameter;
  readonly code_challenge?: Parameter;
  readonly code_challenge_method?: Parameter;
  readonly prompt?: Parameter;
}): AuthorizationRequest => ({
  clientId: given.client_id ?? '',
  redirectUri: given.redirect_uri ?? '',
  responseType: given.response_type ?? undefined,
  scope: given.scope ?? undefined,
  state: given.state ?? undefined,
  nonce: given.nonce ?? undefined,
  challenge: given.code_challenge ?? undefined,
  challengeMethod: given.code_challenge_method ?? undefined,
  prompt: given.prompt ?? undefined,
});

interface Client {
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
}

/** How a client names itself: in the body, or by Basic credentials (RFC 6749, 2.3.1). Throws invalid_client. */
export function clientOf(
  request: HubRequest,
  body: { readonly client_id?: string | undefined; readonly client_secret?: string | undefined },
): Client {
  const authorization = header(request, 'authorization');
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '')?.[1];
  // A bearer token that a client sends to everything is no part of this.
  if (encoded === undefined) return { clientId: body.client_id, clientSecret: body.client_secret };
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  const clientId = decoded(id);
  const clientSecret = decoded(secret);
  const isTwice = body.client_secret !== undefined;
  if (!clientId || clientSecret === undefined || isTwice || (body.client_id ?? clientId) !== clientId) {
    throw oauthRefusal('invalid_client', 'The client must name itself in one way.');
  }
  return { clientId, clientSecret: clientSecret === '' ? undefined : clientSecret };
}

/** Both parts are form-encoded before they are joined. */
function decoded(part: string | undefined): string | undefined {
  if (part === undefined) return undefined;
  try {
    return decodeURIComponent(part.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** An address with parameters added to those it has; what is undefined is left out. */
export function withParameters(
  uri: string,
  parameters: Readonly<Record<string, string | undefined>>,
): string {
  const url = new URL(uri);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.append(name, value);
  }
  return url.href;
}
