import type { QueryClient } from '@tanstack/vue-query';
import {
  createRouter,
  createWebHistory,
  type RouteLocationNormalized,
  type Router,
  type RouteRecordRaw,
} from 'vue-router';
import { getHub } from './api.ts';
import { m } from './messages.ts';
import { keys } from './queries.ts';
import { kindPlural, REPO_KINDS, type RepoRef } from './repo-ref.ts';
import type { RepoKind } from './wire.ts';

declare module 'vue-router' {
  interface RouteMeta {
    readonly title: (route: RouteLocationNormalized) => string;
    /** Only for somebody who is signed in; others are asked to first. */
    readonly signedIn?: boolean;
    /** Without the shell: setup and sign-in. */
    readonly bare?: boolean;
    /** Which place of the sidebar this page belongs to. */
    readonly kind?: RepoKind;
  }
}

const text = (value: string | readonly string[] | undefined): string =>
  typeof value === 'string' ? value : (value ?? []).join('/');

const repoOf = (kind: RepoKind, route: RouteLocationNormalized): RepoRef => ({
  kind,
  owner: text(route.params['owner']),
  name: text(route.params['name']),
});

const repoProps = (kind: RepoKind) => (route: RouteLocationNormalized) => ({
  repo: repoOf(kind, route),
  revision: text(route.params['revision']),
  path: text(route.params['path']),
});

// Refs with slashes come escaped from this page and plain from links made by clients.
const REVISION = ':revision(refs/convert/[^/]+|refs/pr/[^/]+|[^/]+)';

function repoRoutes(kind: RepoKind): RouteRecordRaw[] {
  const base = kind === 'model' ? '/:owner/:name' : `/${kindPlural(kind)}/:owner/:name`;
  const id = (route: RouteLocationNormalized): string =>
    `${text(route.params['owner'])}/${text(route.params['name'])}`;
  const within = (route: RouteLocationNormalized): string =>
    m.title.within(text(route.params['path']) || text(route.params['revision']), id(route));
  return [
    {
      path: base,
      component: () => import('./pages/RepoPage.vue'),
      props: (route) => ({ repo: repoOf(kind, route) }),
      meta: { title: id, kind },
      children: [
        { path: '', component: () => import('./pages/CardPage.vue'), props: repoProps(kind) },
        {
          path: `tree/${REVISION}/:path(.*)*`,
          component: () => import('./pages/FilesPage.vue'),
          props: repoProps(kind),
          meta: { title: within },
        },
        {
          path: `blob/${REVISION}/:path(.*)+`,
          component: () => import('./pages/FilePage.vue'),
          props: repoProps(kind),
          meta: { title: within },
        },
        {
          path: 'settings',
          component: () => import('./pages/RepoSettingsPage.vue'),
          props: repoProps(kind),
          meta: { title: (route) => m.title.repoSettings(id(route)), signedIn: true },
        },
        {
          path: `commits/${REVISION}`,
          component: () => import('./pages/CommitsPage.vue'),
          props: repoProps(kind),
          meta: { title: (route) => m.title.commits(id(route)) },
        },
        {
          path: `commit/${REVISION}`,
          component: () => import('./pages/CommitPage.vue'),
          props: repoProps(kind),
          meta: { title: (route) => m.title.commit(text(route.params['revision']).slice(0, 7), id(route)) },
        },
      ],
    },
    {
      path: `${base}/upload/${REVISION}/:path(.*)*`,
      component: () => import('./pages/UploadPage.vue'),
      props: repoProps(kind),
      meta: { title: (route) => m.title.upload(id(route)), kind, signedIn: true },
    },
  ];
}

const listRoute = (kind: RepoKind): RouteRecordRaw => ({
  path: `/${kindPlural(kind)}`,
  component: () => import('./pages/RepoListPage.vue'),
  props: { kind },
  meta: { title: () => m.kinds[kind].plural, kind },
});

const routes: RouteRecordRaw[] = [
  { path: '/', component: () => import('./pages/OverviewPage.vue'), meta: { title: () => m.title.overview } },
  {
    path: '/setup',
    component: () => import('./pages/SetupPage.vue'),
    meta: { title: () => m.title.setup, bare: true },
  },
  {
    path: '/login',
    component: () => import('./pages/LoginPage.vue'),
    meta: { title: () => m.title.login, bare: true },
  },
  {
    path: '/new',
    component: () => import('./pages/NewRepoPage.vue'),
    meta: { title: () => m.title.newRepo, signedIn: true },
  },
  {
    path: '/settings',
    component: () => import('./pages/SettingsPage.vue'),
    meta: { title: () => m.title.settings, signedIn: true },
  },
  {
    path: '/settings/sessions',
    component: () => import('./pages/SessionsPage.vue'),
    meta: { title: () => m.title.sessions, signedIn: true },
  },
  {
    path: '/settings/applications',
    component: () => import('./pages/ApplicationsPage.vue'),
    meta: { title: () => m.title.applications, signedIn: true },
  },
  {
    path: '/oauth/device',
    component: () => import('./pages/DevicePage.vue'),
    meta: { title: () => m.title.device, signedIn: true, bare: true },
  },
  {
    path: '/oauth/authorize',
    component: () => import('./pages/ConsentPage.vue'),
    meta: { title: () => m.title.consent, signedIn: true, bare: true },
  },
  {
    path: '/settings/tokens',
    component: () => import('./pages/TokensPage.vue'),
    meta: { title: () => m.title.tokens, signedIn: true },
  },
  {
    path: '/settings/ssh-keys',
    component: () => import('./pages/SshKeysPage.vue'),
    meta: { title: () => m.title.sshKeys, signedIn: true },
  },
  {
    path: '/connect',
    component: () => import('./pages/ConnectPage.vue'),
    meta: { title: () => m.title.connect },
  },
  ...REPO_KINDS.map(listRoute),
  ...REPO_KINDS.flatMap(repoRoutes),
  {
    path: '/:owner',
    component: () => import('./pages/OwnerPage.vue'),
    props: (route) => ({ owner: text(route.params['owner']) }),
    meta: { title: (route) => text(route.params['owner']) },
  },
  {
    path: '/:rest(.*)*',
    component: () => import('./pages/NotFoundPage.vue'),
    meta: { title: () => m.title.notFound },
  },
];

/** The page's own paths. Which of them a stranger may see is decided here; what they contain, by the hub. */
export function makeRouter(client: QueryClient): Router {
  const router = createRouter({
    history: createWebHistory(),
    routes,
    // An address with a mark (a heading, a line, a section) is scrolled to by the page that knows it.
    scrollBehavior: (to, from, saved) =>
      saved ?? (to.hash !== '' || to.path === from.path ? false : { top: 0 }),
  });
  router.beforeEach(async (to) => {
    const hub = await client
      .ensureQueryData({ queryKey: keys.hub, queryFn: ({ signal }) => getHub(signal), retry: false })
      .catch(() => undefined); // the frame says that the hub does not answer
    if (hub?.setupRequired && to.path !== '/setup') return { path: '/setup', query: to.query };
    if (hub && to.meta.signedIn && !hub.user) return { path: '/login', query: { next: to.fullPath } };
    return true;
  });
  return router;
}
