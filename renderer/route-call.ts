import type { AnyRoute, BodyInput } from '../server/contract/route.ts';

/** A route as its method and path pattern: `GET /api/hub`. Only what the hub declares compiles. */
export type RouteLine<R extends AnyRoute> = `${R['method']} ${R['path']}`;

/** What goes into one call of a route. */
export interface RouteCall<R extends AnyRoute> {
  /** Values of the named parts of the path, unescaped; a `prefix` that is empty is left out. */
  readonly params?: Readonly<Record<string, string>>;
  /** What stands for a final `*`, escaped already. */
  readonly rest?: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: BodyInput<R>;
  readonly type?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Method and URL of a call. */
export function addressOf<R extends AnyRoute>(
  line: RouteLine<R>,
  { params = {}, rest = '', query = {} }: RouteCall<R>,
): { readonly method: string; readonly url: string } {
  const [method = 'GET', pattern = '/'] = line.split(' ');
  const parts = pattern.split('/').flatMap((part) => {
    if (part === '*' || part === '**') return rest === '' ? [] : [rest];
    if (!part.startsWith(':')) return [part];
    const value = params[part.slice(1).replace(/\?$/, '')] ?? '';
    return value === '' ? [] : [encodeURIComponent(value)];
  });
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return { method, url: `${parts.join('/')}${text === '' ? '' : `?${text}`}` };
}
