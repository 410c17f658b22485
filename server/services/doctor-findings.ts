import { isHubError } from '../domain/errors.ts';
import { repoFullName, type Repo } from '../domain/repo.ts';

/** The invariants that are checked (reliability 2.6); `docs/invariants.md` says them in full. */
export type Invariant =
  'I-02' | 'I-03' | 'I-04' | 'I-05' | 'I-06' | 'I-07' | 'I-08' | 'I-09' | 'I-11' | 'I-12';

export interface DoctorProblem {
  readonly invariant: Invariant;
  readonly what: string;
  /** `owner/name`, with `datasets/` or `spaces/` in front where it is one. */
  readonly repo?: string;
}

export interface DoctorReport {
  readonly problems: readonly DoctorProblem[];
  /** How much was looked at, by kind. */
  readonly checked: Readonly<Record<string, number>>;
}

/** What a check finds, within bounded memory: a broken disk breaks everything on it. */
export interface Findings {
  report(invariant: Invariant, what: string, repo?: Repo): void;
  /** Note that something was looked at. */
  count(kind: string): void;
  /** Run a check. Damage that stops it is itself a finding, and the next check runs all the same. */
  attempt(invariant: Invariant, what: string, check: () => void | Promise<void>, repo?: Repo): Promise<void>;
  /** Take over what another check found. */
  add(other: DoctorReport): void;
  result(): DoctorReport;
}

/** @param most Problems that are told one by one, for each invariant. */
export function createFindings(most: number): Findings {
  const problems: DoctorProblem[] = [];
  const totals = new Map<Invariant, number>();
  const checked: Record<string, number> = {};

  function keep(problem: DoctorProblem): void {
    const total = (totals.get(problem.invariant) ?? 0) + 1;
    totals.set(problem.invariant, total);
    if (total <= most) problems.push(problem);
    else if (total === most + 1) problems.push({ ...problem, what: `more than these ${most} problems.` });
  }

  const report = (invariant: Invariant, what: string, repo?: Repo): void =>
    keep({ invariant, what, ...(repo ? { repo: shownRepo(repo) } : {}) });

  return {
    report,
    count: (kind) => void (checked[kind] = (checked[kind] ?? 0) + 1),
    async attempt(invariant, what, check, repo) {
      try {
        await check();
      } catch (error) {
        const isDamage = isHubError(error, 'CorruptObject');
        report(invariant, `${what}${isDamage ? '' : ' cannot be checked'}: ${reasonOf(error)}`, repo);
      }
    },
    add(other) {
      for (const problem of other.problems) keep(problem);
      for (const [kind, count] of Object.entries(other.checked)) checked[kind] = (checked[kind] ?? 0) + count;
    },
    result: () => ({ problems, checked }),
  };
}

/** As `atoll repo export` takes it. */
export const shownRepo = (repo: Repo): string =>
  repo.kind === 'model' ? repoFullName(repo) : `${repo.kind}s/${repoFullName(repo)}`;

/** What went wrong, with the cause that is otherwise only logged: whoever runs doctor owns the machine. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = isHubError(error) && error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.message}${cause}`;
}

/** All rows of a keyset page after page. */
export async function* everyRow<Row>(
  load: (last: Row | undefined) => Promise<readonly Row[]>,
): AsyncGenerator<Row, void, undefined> {
  for (let last: Row | undefined; ;) {
    const page = await load(last);
    yield* page;
    last = page.at(-1);
    if (last === undefined) return;
  }
}
