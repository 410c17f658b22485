import { House, KeyRound, Settings } from '@lucide/vue';
import type { Component } from 'vue';
import { m } from '../messages.ts';
import { kindPlural, REPO_KINDS } from '../repo-ref.ts';
import type { RepoKind, SessionUser } from '../wire.ts';

export interface Place {
  readonly path: string;
  readonly label: string;
  readonly kind?: RepoKind;
  readonly icon?: Component;
  /** Name of the owner whose initials stand in place of an icon. */
  readonly owner?: { readonly name: string; readonly organization: boolean };
}

export interface PlaceGroup {
  readonly label?: string;
  readonly places: readonly Place[];
}

/** Where one can go from everywhere: only what exists and this person may see. */
export function placeGroups(user: SessionUser | null): readonly PlaceGroup[] {
  const top: PlaceGroup = {
    places: [
      { path: '/', label: m.places.overview, icon: House },
      ...REPO_KINDS.map((kind) => ({ path: `/${kindPlural(kind)}`, label: m.kinds[kind].plural, kind })),
    ],
  };
  if (!user) return [top];
  const people: PlaceGroup = {
    label: m.places.people,
    places: [
      { path: `/${user.name}`, label: user.name, owner: { name: user.name, organization: false } },
      ...user.organizations.map(({ name }) => ({
        path: `/${name}`,
        label: name,
        owner: { name, organization: true },
      })),
    ],
  };
  const account: PlaceGroup = {
    label: m.places.account,
    places: [
      { path: '/settings/tokens', label: m.places.tokens, icon: KeyRound },
      { path: '/settings', label: m.places.settings, icon: Settings },
    ],
  };
  return [top, people, account];
}
