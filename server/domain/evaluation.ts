import { isRecord, textOf } from './plain-json.ts';

/** One number that a card says a model reached on a data set. */
export interface EvaluationResult {
  /** Full name of the data set. */
  readonly dataset: string;
  /** Type of the metric, e.g. `accuracy`. */
  readonly metric: string;
  readonly value: number;
  readonly isVerified: boolean;
  readonly source: { readonly name?: string; readonly url: string } | undefined;
}

const MAX_RESULTS = 1_000;

const listOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.filter(isRecord) : [];

/** The results in the `model-index` of a card, in its order; what is not well formed is passed over. */
export function resultsOf(card: Readonly<Record<string, unknown>>): readonly EvaluationResult[] {
  const results: EvaluationResult[] = [];
  for (const model of listOf(card['model-index'])) {
    for (const result of listOf(model['results'])) {
      const dataset = isRecord(result['dataset']) ? textOf(result['dataset']['type']) : undefined;
      if (dataset === undefined) continue;
      const source = sourceOf(result['source']);
      for (const { type, value, verified } of listOf(result['metrics'])) {
        const metric = textOf(type);
        if (metric === undefined || typeof value !== 'number' || !Number.isFinite(value)) continue;
        results.push({ dataset, metric, value, isVerified: verified === true, source });
        if (results.length === MAX_RESULTS) return results;
      }
    }
  }
  return results;
}

function sourceOf(value: unknown): EvaluationResult['source'] {
  if (!isRecord(value)) return undefined;
  const [name, url] = [textOf(value['name']), textOf(value['url'])];
  if (url === undefined) return undefined;
  return { url, ...(name === undefined ? {} : { name }) };
}

/** Metrics of which less is better. */
const LESS_IS_BETTER = /^(loss|eval_loss|perplexity|wer|cer|ter|mse|mae|rmse|fid|bpb)$/i;

/** Order of values of a metric, the best first. */
export const compareValues = (metric: string, a: number, b: number): number =>
  LESS_IS_BETTER.test(metric) ? a - b : b - a;
