/** A tensor of a file that a test makes; its bytes are zeros. */
export interface SampleTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
}

const BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, I8: 1 };

/** A whole safetensors file, as the format says. */
export function safetensorsFile(tensors: Readonly<Record<string, SampleTensor>>, metadata?: object): Buffer {
  let end = 0;
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  for (const [name, { dtype, shape }] of Object.entries(tensors)) {
    const start = end;
    end += shape.reduce((product, size) => product * size, BYTES[dtype] ?? 1);
    header[name] = { dtype, shape, data_offsets: [start, end] };
  }
  return Buffer.concat([safetensorsHeader(JSON.stringify(header)), Buffer.alloc(end)]);
}

/** The beginning of a file with any text as its header. */
export function safetensorsHeader(text: string, claimedLength?: number): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(claimedLength ?? Buffer.byteLength(text)));
  return Buffer.concat([length, Buffer.from(text)]);
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** A value of a GGUF header: a text, a whole number of 32 bits, or a list of texts. */
export type GgufValue = string | number | readonly string[];

function ggufValue(value: GgufValue): Buffer {
  if (typeof value === 'string') return Buffer.concat([u32(8), text(value)]);
  if (typeof value === 'number') return Buffer.concat([u32(4), u32(value)]);
  return Buffer.concat([u32(9), u32(8), u64(value.length), ...value.map(text)]);
}

/** A GGUF file without the bytes of its tensors. */
export function ggufFile(
  pairs: Readonly<Record<string, GgufValue>>,
  tensors: Readonly<Record<string, readonly number[]>>,
  claims: { readonly version?: number; readonly tensors?: bigint; readonly pairs?: bigint } = {},
): Buffer {
  return Buffer.concat([
    Buffer.from('GGUF'),
    u32(claims.version ?? 3),
    u64(claims.tensors ?? Object.keys(tensors).length),
    u64(claims.pairs ?? Object.keys(pairs).length),
    ...Object.entries(pairs).flatMap(([key, value]) => [text(key), ggufValue(value)]),
    ...Object.entries(tensors).flatMap(([name, shape]) => [
      text(name),
      u32(shape.length),
      ...shape.map(u64),
      u32(0),
      u64(0),
    ]),
  ]);
}
