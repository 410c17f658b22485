import * as contract from '../../contract/lifecycle.ts';
import { HubError, isHubError } from '../../domain/errors.ts';
import { repoFullName, type HeldKind, type Repo } from '../../domain/repo.ts';
import type { Authorize } from '../../services/authorize.ts';
import type { NameAnswer, NameCheck } from '../../services/name-check.ts';
import type { RepoDuplicates } from '../../services/repo-duplicates.ts';
import type { RepoMoves } from '../../services/repo-moves.ts';
import type { RepoSettings } from '../../services/repo-settings.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { json } from '../reply.ts';
import { repoUrl, repoUrlOf } from '../shapes.ts';
import { splitRepoId, visibilityOf } from './repo-body.ts';

/** What becomes of a repository once it is there: names, owners, settings, duplicates. */
export function lifecycleRoutes(services: {
  readonly authorize: Authorize;
  readonly repoMoves: RepoMoves;
  readonly duplicates: RepoDuplicates;
  readonly repoSettings: RepoSettings;
  readonly nameCheck: NameCheck;
}): readonly Endpoint[] {
  const { authorize, repoMoves, duplicates, repoSettings, nameCheck } = services;
  return [
    serve(contract.moveRepo, async ({ actor, body, request }) => {
      const kind = body.type ?? 'model';
      const from = splitRepoId(body.fromRepo);
      const to = splitRepoId(body.toRepo);
      const { granted } = await authorize.repo(actor, { kind, ...from }, 'administer');
      return json(addressShape(request.origin, await repoMoves.move(granted, to)));
    }),

    serve(contract.duplicateRepo, async ({ granted, body, request }) => {
      const wish = { ...splitRepoId(body.repository), visibility: visibilityOf(body) };
      try {
        return json(addressShape(request.origin, await duplicates.duplicate(granted, wish)));
      } catch (error) {
        throw withAddress(error, granted.repo.kind, request.origin);
      }
    }),

    serve(contract.readRepoSettings, ({ granted }) => json(settingsShape(granted.repo))),

    serve(contract.repoSettings, async ({ granted, body }) => {
      // Passing over it would publish what its owner believes to be gated.
      if (body.gated) throw new HubError('NotSupported', 'This hub does not offer gated repositories yet.');
      if (body.xetEnabled === false)
        throw new HubError('NotSupported', 'This hub takes large files by Xet in every repository.');
      const change = {
        visibility: visibilityOf(body),
        archived: body.archived,
        defaultBranch: body.defaultBranch,
      };
      const asked = [...Object.values(change), body.gated, body.xetEnabled];
      if (asked.every((value) => value === undefined)) {
        throw new HubError('InvalidBody', 'Send at least one setting to change.');
      }
      return json(settingsShape(await repoSettings.change(granted, change)));
    }),

    serve(contract.checkName, async ({ actor, body }) => {
      const { name, namespace, type } = body;
      const isAccount = typeof namespace !== 'string' && !type;
      const answer = isAccount
        ? await nameCheck.account(actor, name)
        : await nameCheck.repo(actor, type ?? 'model', namespace ?? undefined, name);
      return json(nameShape(answer));
    }),
  ];
}

const addressShape = (origin: string, repo: Repo): contract.RepoAddressReply => ({
  url: repoUrl(origin, repo),
  id: repo.publicId,
  name: repoFullName(repo),
});

const settingsShape = (repo: Repo): contract.RepoSettingsReply => ({
  visibility: repo.visibility,
  private: repo.visibility === 'private',
  gated: false,
  archived: repo.archivedAt !== undefined,
  defaultBranch: repo.defaultBranch,
});

const nameShape = (answer: NameAnswer): contract.NameCheckReply => ({
  available: answer.isAvailable,
  normalized_name: answer.normalName,
  conflict_with: answer.conflictWith ?? null,
  message: answer.message,
});

/**
 * The refusal of a new repository with the address of the one that has its name, which clients read for `exist_ok`
 * (contract 1.2). Whoever gets so far may create in that namespace, and so see what is in it.
 */
export function withAddress(error: unknown, kind: HeldKind, origin: string): unknown {
  const name = isHubError(error, 'Conflict') ? error.details['name'] : undefined;
  if (typeof name !== 'string' || !isHubError(error)) return error;
  return new HubError('Conflict', error.message, { details: { url: repoUrlOf(origin, kind, name), name } });
}
