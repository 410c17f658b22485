import * as contract from '../../contract/history.ts';
import { HubError, isHubError } from '../../domain/errors.ts';
import { shown } from '../../domain/names.ts';
import type { Repo } from '../../domain/repo.ts';
import type { Authorize } from '../../services/authorize.ts';
import type { Branches } from '../../services/branches.ts';
import type { Contents } from '../../services/contents.ts';
import type { Merges } from '../../services/merges.ts';
import type { Resets } from '../../services/resets.ts';
import type { ResolvedRevision } from '../../services/revisions.ts';
import type { Squashes } from '../../services/squashes.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { json } from '../reply.ts';
import { decodeName, writableBranch } from './revision-path.ts';

type Words = {
  readonly message?: string | null | undefined;
  readonly metadata?: Readonly<Record<string, string>> | null | undefined;
};

/** The message of a commit with its facts as trailers; undefined when it is left to the hub. */
function messageOf({ message, metadata }: Words, otherwise?: string): string | undefined {
  const text = message?.trim() ? message : otherwise;
  const facts = Object.entries(metadata ?? {});
  if (text === undefined || facts.length === 0) return text;
  const trailers = facts.map(([name, value]) => `${name}: ${value.replaceAll(/\s+/g, ' ')}`);
  return `${text.trimEnd()}\n\n${trailers.join('\n')}`;
}

/** What changes the history of branches: merge, revert, reset, squash; and branches and tags named in a body. */
export function historyRoutes(services: {
  readonly authorize: Authorize;
  readonly contents: Contents;
  readonly branches: Branches;
  readonly merges: Merges;
  readonly resets: Resets;
  readonly squashes: Squashes;
}): readonly Endpoint[] {
  const { authorize, contents, branches, merges, resets, squashes } = services;
  return [
    serve(contract.branchByBody, async ({ granted, body }) => {
      await branches.create(granted, body.branch, {
        startingPoint: body.revision ?? body.startingPoint ?? undefined,
        isEmpty: body.emptyBranch === true,
        overwrite: body.overwrite === true,
      });
      return json({ success: true, message: `Branch ${shown(body.branch)} created.` });
    }),

    serve(contract.tagByBody, async ({ granted, body }) => {
      const { tag: name, revision, message } = body;
      await branches.createTag(granted, {
        name,
        revision: revision ?? granted.repo.defaultBranch,
        message: message ?? undefined,
      });
      return json({ success: true, message: `Tag ${shown(name)} created.` });
    }),

    serve(contract.revert, async ({ granted, rest, body }) => {
      const branch = await writableBranch(contents, granted.repo, rest);
      const { commit } = await contents.resolve(granted.repo, body.ref);
      const answer = await merges.revert(granted, {
        branch,
        commit,
        parentNumber: body.parent_number ?? 1,
        message: messageOf(body),
        allowEmpty: body.allow_empty === true,
      });
      return json({ success: true, message: `Reverted ${commit}.`, new_commit_id: answer.commit });
    }),

    serve(contract.reset, async ({ granted, rest, body }) => {
      const branch = await writableBranch(contents, granted.repo, rest);
      const { commit } = await contents.resolve(granted.repo, body.ref);
      const head = await resets.reset(granted, { branch, commit, force: body.force === true });
      return json({
        success: true,
        message: `Reset ${shown(branch)} to ${head}.`,
        new_commit_id: head,
        commit_id: head,
        recoverable: true,
      });
    }),

    serve(contract.merge, async ({ granted, rest, body }) => {
      const { source, into } = await mergeSides(contents, granted.repo, rest);
      const { strategy } = body ?? {};
      const answer = await merges.merge(granted, {
        source,
        into,
        message: messageOf(body ?? {}, body?.metadata ? `Merge ${source.text} into ${into}` : undefined),
        strategy: strategy === 'none' ? undefined : (strategy ?? undefined),
        squash: body?.squash_merge === true,
        fastForward: body?.fast_forward !== false,
        allowEmpty: body?.allow_empty === true,
        allowUnrelated: body?.force === true,
      });
      return json({
        success: true,
        message: `Merged ${shown(source.text)} into ${shown(into)}.`,
        result: { reference: answer.commit, summary: { ...answer.counts, conflict: 0 } },
      });
    }),

    serve(contract.superSquash, async ({ granted, rest, body }) => {
      const commit = await squashes.squash(granted, decodeName(rest), messageOf(body ?? {}));
      return json({ success: true, commitOid: commit });
    }),

    serve(contract.squashRepo, async ({ actor, body }) => {
      const [owner = '', name = '', ...others] = body.repo.split('/');
      if (name === '' || others.length > 0) {
        throw new HubError('InvalidName', 'A repository is named "owner/name".');
      }
      const found = await authorize.repo(actor, { kind: body.type ?? 'model', owner, name }, 'administer');
      const writing = await authorize.also(found.granted, 'write');
      await squashes.squashAll(writing, found.granted);
      return json({ success: true, message: `Squashed ${shown(body.repo)}.` });
    }),
  ];
}

/**
 * The two sides of `merge/{source}/into/{branch}`. Names may have slashes, plain or encoded, and even a part that is
 * called `into`: the division where both sides exist is meant. Throws RevisionNotFound, and InvalidRevision when several
 * are.
 */
async function mergeSides(
  contents: Contents,
  repo: Repo,
  rest: readonly string[],
): Promise<{ source: ResolvedRevision; into: string }> {
  const found: { source: ResolvedRevision; into: string }[] = [];
  let problem: unknown = new HubError(
    'InvalidRevision',
    'A merge is asked for as merge/{source}/into/{branch}.',
  );
  let isFirst = true;
  for (const [at, part] of rest.entries()) {
    if (part !== 'into' || at === 0 || at === rest.length - 1) continue;
    try {
      const source = await contents.resolve(repo, decodeName(rest.slice(0, at)));
      found.push({ source, into: await writableBranch(contents, repo, rest.slice(at + 1)) });
    } catch (error) {
      if (!isHubError(error)) throw error;
      if (isFirst) problem = error;
      isFirst = false;
    }
  }
  const [only, another] = found;
  if (another) {
    throw new HubError('InvalidRevision', 'Several branches fit this merge. Write slashes in names as %2F.');
  }
  if (!only) throw problem;
  return only;
}
