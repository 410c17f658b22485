import { ApiError } from './api.ts';
import { m } from './messages.ts';

export interface Explained {
  readonly title: string;
  readonly cause: string;
  /** Whether the same request could work a second time. */
  readonly retry: boolean;
}

/** Says in plain words what an error means for the person at the page. The hub's own sentence is kept as the cause. */
export function explain(error: Error): Explained {
  if (!(error instanceof ApiError)) return { ...m.error.page, retry: true };
  if (error.status === 0) return { ...m.error.unreachable, retry: true };
  const cause = (fallback: string): string => error.message || fallback;
  if (error.status === 401)
    return { title: m.error.signIn.title, cause: cause(m.error.signIn.cause), retry: false };
  if (error.status === 403) {
    return { title: m.error.forbidden.title, cause: cause(m.error.forbidden.cause), retry: false };
  }
  if (error.status === 404 && error.code === 'RevisionNotFound')
    return { ...m.error.noRevision, retry: false };
  if (error.status === 404 && error.code === 'EntryNotFound') return { ...m.error.noEntry, retry: false };
  if (error.status === 404) return { ...m.error.notFound, retry: false };
  if (error.status === 412) {
    return { title: m.error.conflict.title, cause: cause(m.error.conflict.cause), retry: true };
  }
  if (error.status === 501) {
    return { title: m.error.unsupported.title, cause: cause(m.error.unsupported.cause), retry: false };
  }
  if (error.status >= 500)
    return { title: m.error.broken.title, cause: cause(m.error.broken.cause), retry: true };
  return { title: m.error.refused, cause: cause(m.error.noReason), retry: true };
}

/** One sentence for places without room for more, such as under a form. */
export function explainShortly(error: Error): string {
  const { title, cause } = explain(error);
  return error instanceof ApiError && error.status !== 0 && error.message !== ''
    ? error.message
    : m.error.line(title, cause);
}
