import { useQuery, useQueryClient } from '@tanstack/vue-query';
import { computed, watch } from 'vue';
import { getHub, signOut as endSession } from './api.ts';
import { keys } from './queries.ts';
import type { HubForPerson } from './api.ts';
import type { SessionUser } from './wire.ts';

const HEARTBEAT_MS = 15_000;
const SEEK_MS = 3_000;

const hubQuery = {
  queryKey: keys.hub,
  queryFn: ({ signal }: { readonly signal: AbortSignal }) => getHub(signal),
  retry: false,
};

/**
 * Asks the hub again and again, so that a lost one is noticed and a returned one too: what had failed meanwhile is then
 * read again. Only the frame of the page does this.
 */
export function useHeartbeat() {
  const client = useQueryClient();
  const query = useQuery({
    ...hubQuery,
    refetchInterval: ({ state }) => (state.error ? SEEK_MS : HEARTBEAT_MS),
  });
  watch(query.error, (now, before) => {
    if (before && !now) void client.refetchQueries({ predicate: ({ state }) => state.status === 'error' });
  });
  return query;
}

/** Which hub this is and who is signed in. */
export function useHub() {
  const client = useQueryClient();
  const query = useQuery({ ...hubQuery, refetchOnMount: false });
  const hub = computed(() => query.data.value);
  const user = computed(() => hub.value?.user ?? null);

  /** Takes over the person of a successful sign-in or profile change; what was read as somebody else is dropped. */
  const enter = (entered: SessionUser): void => {
    client.setQueryData<HubForPerson>(
      keys.hub,
      (old) => old && { ...old, setupRequired: false, user: entered },
    );
    void client.invalidateQueries();
  };
  const signOut = async (): Promise<void> => {
    await endSession();
    client.setQueryData<HubForPerson>(keys.hub, (old) => old && { ...old, user: null });
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== keys.hub[0] });
  };
  return { hub, user, enter, signOut };
}

/** Whether somebody may commit to the repos of an owner. The hub decides; this only spares a button that cannot work. */
export const mayWrite = (user: SessionUser | null, owner: string): boolean =>
  user !== null &&
  (user.name === owner || user.organizations.some(({ name, role }) => name === owner && role !== 'visitor'));
