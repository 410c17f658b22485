import type { TensorTotals } from './repo-facts.ts';
import { isRecord, plainJson } from './plain-json.ts';

/** Before the header stands its length, a little-endian 64-bit number (safetensors format). */
export const SAFETENSORS_LENGTH_BYTES = 8;
/** What `huggingface_hub` reads at most; the format's own limit is four times that. */
export const MAX_SAFETENSORS_HEADER_BYTES = 25_000_000;

const MAX_DTYPES = 64;
const METADATA_BOUNDS = { maxDepth: 16, maxCharacters: 64 * 1024 };
const DTYPE = /^[A-Za-z0-9_]{1,24}$/;

/** Length of the header by the first bytes of a file; undefined when it is not one of safetensors. */
export function safetensorsHeaderLength(start: Uint8Array, fileBytes: number): number | undefined {
  if (start.byteLength < SAFETENSORS_LENGTH_BYTES) return undefined;
  const view = new DataView(start.buffer, start.byteOffset, SAFETENSORS_LENGTH_BYTES);
  const length = Number(view.getBigUint64(0, true));
  const isPossible = length >= 2 && length <= MAX_SAFETENSORS_HEADER_BYTES;
  return isPossible && length + SAFETENSORS_LENGTH_BYTES <= fileBytes ? length : undefined;
}

/** What a header says of its tensors. Undefined when it is not what the format says, in whichever way. */
export function parseSafetensorsHeader(bytes: Uint8Array): TensorTotals | undefined {
  const header = parseObject(bytes);
  if (!header) return undefined;
  const parameters = new Map<string, number>();
  let total = 0;
  for (const [name, tensor] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const counted = countTensor(tensor);
    if (!counted) return undefined;
    parameters.set(counted.dtype, (parameters.get(counted.dtype) ?? 0) + counted.count);
    total += counted.count;
    if (parameters.size > MAX_DTYPES || !Number.isSafeInteger(total)) return undefined;
  }
  return { parameters: Object.fromEntries(parameters), total };
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  return isRecord(value) ? value : undefined;
}

function countTensor(tensor: unknown): { readonly dtype: string; readonly count: number } | undefined {
  if (!isRecord(tensor)) return undefined;
  const { dtype, shape, data_offsets: offsets } = tensor;
  if (typeof dtype !== 'string' || !DTYPE.test(dtype) || !Array.isArray(shape)) return undefined;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) return undefined;
  let count = 1;
  for (const size of shape) {
    if (!isCount(size)) return undefined;
    count *= size;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return { dtype, count };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Totals of several files together; undefined when they are more than a number can say. */
export function addTotals(all: readonly TensorTotals[]): TensorTotals | undefined {
  const parameters = new Map<string, number>();
  let total = 0;
  for (const one of all) {
    for (const [dtype, count] of Object.entries(one.parameters)) {
      parameters.set(dtype, (parameters.get(dtype) ?? 0) + count);
    }
    total += one.total;
  }
  if (!Number.isSafeInteger(total) || parameters.size > MAX_DTYPES) return undefined;
  return { parameters: Object.fromEntries(parameters), total };
}

/** What an index (`model.safetensors.index.json`) says. */
export interface SafetensorsIndex {
  /** The files that hold the tensors, each once, in order. */
  readonly shards: readonly string[];
  readonly metadata: unknown;
}

/** Read an index. Undefined when it is none. */
export function parseSafetensorsIndex(bytes: Uint8Array): SafetensorsIndex | undefined {
  const index = parseObject(bytes);
  if (!index || !isRecord(index['weight_map'])) return undefined;
  const shards = new Set<string>();
  for (const shard of Object.values(index['weight_map'])) {
    if (typeof shard !== 'string') return undefined;
    shards.add(shard);
  }
  return { shards: [...shards].sort(), metadata: plainJson(index['metadata'], METADATA_BOUNDS) };
}
