import type { Endpoint } from '../adapter.ts';
import { accountRoutes } from './accounts.ts';
import { archiveRoutes } from './archives.ts';
import { bucketRoutes } from './buckets.ts';
import { commitRoutes } from './commits.ts';
import { contentRoutes } from './contents.ts';
import { discoveryRoutes } from './discovery.ts';
import { gitRoutes } from './git.ts';
import { historyRoutes } from './history.ts';
import { diffRoutes } from './diffs.ts';
import { hubRoutes } from './hub.ts';
import { lfsFileRoutes } from './lfs-files.ts';
import { lfsLockRoutes } from './lfs-locks.ts';
import { lfsRoutes } from './lfs.ts';
import { lifecycleRoutes } from './lifecycle.ts';
import { likeRoutes } from './likes.ts';
import { popularityRoutes } from './popularity.ts';
import { profileRoutes } from './profiles.ts';
import { oauthRoutes } from './oauth.ts';
import { repoListRoutes } from './repo-lists.ts';
import { ownerlessRoutes, repoRoutes } from './repos.ts';
import { resolveRoutes } from './resolve.ts';
import { sshKeyRoutes } from './ssh-keys.ts';
import { xetRoutes } from './xet.ts';

type Services = Parameters<typeof accountRoutes>[0] &
  Parameters<typeof archiveRoutes>[0] &
  Parameters<typeof bucketRoutes>[0] &
  Parameters<typeof commitRoutes>[0] &
  Parameters<typeof contentRoutes>[0] &
  Parameters<typeof gitRoutes>[0] &
  Parameters<typeof historyRoutes>[0] &
  Parameters<typeof diffRoutes>[0] &
  Parameters<typeof discoveryRoutes>[0] &
  Parameters<typeof hubRoutes>[0] &
  Parameters<typeof lfsFileRoutes>[0] &
  Parameters<typeof lfsLockRoutes>[0] &
  Parameters<typeof lfsRoutes>[0] &
  Parameters<typeof lifecycleRoutes>[0] &
  Parameters<typeof likeRoutes>[0] &
  Parameters<typeof popularityRoutes>[0] &
  Parameters<typeof profileRoutes>[0] &
  Parameters<typeof oauthRoutes>[0] &
  Parameters<typeof repoListRoutes>[0] &
  Parameters<typeof repoRoutes>[0] &
  Parameters<typeof resolveRoutes>[0] &
  Parameters<typeof sshKeyRoutes>[0] &
  Parameters<typeof xetRoutes>[0];

/** Every route of the hub: the table of contents of its API. */
export const allRoutes = (services: Services): readonly Endpoint[] => [
  ...hubRoutes(services),
  ...accountRoutes(services),
  ...oauthRoutes(services),
  ...repoListRoutes(services),
  ...discoveryRoutes(services),
  ...repoRoutes(services),
  ...lifecycleRoutes(services),
  ...contentRoutes(services),
  ...commitRoutes(services),
  ...historyRoutes(services),
  ...lfsFileRoutes(services),
  ...diffRoutes(services),
  ...resolveRoutes(services),
  ...archiveRoutes(services),
  ...gitRoutes(services),
  ...lfsRoutes(services),
  ...lfsLockRoutes(services),
  ...sshKeyRoutes(services),
  ...bucketRoutes(services),
  ...likeRoutes(services),
  ...popularityRoutes(services),
  ...profileRoutes(services),
  ...xetRoutes(services),
  ...ownerlessRoutes(),
];
