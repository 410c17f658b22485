import type { NamespaceId, RepositoryId } from '../../domain/ids.ts';

export interface HubEvent {
  readonly id: number;
  readonly kind: string;
  readonly repositoryId: RepositoryId | undefined;
  readonly actorId: NamespaceId | undefined;
  readonly payload: string;
  readonly at: number;
}

export interface EventStore {
  append(event: Omit<HubEvent, 'id'>): Promise<void>;
  /** In order, after an id. */
  list(after: number, limit: number): Promise<readonly HubEvent[]>;
}
