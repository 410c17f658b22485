export type FileKind = 'data' | 'image' | 'markdown' | 'pickle' | 'settings' | 'text' | 'weights';

const BY_ENDING: readonly (readonly [FileKind, RegExp])[] = [
  ['pickle', /\.(?:ckpt|joblib|pickle|pkl|pt|pth)$/i],
  // What PyTorch itself saves under `.bin`; any other `.bin` may be anything.
  [
    'pickle',
    /^(?:adapter_model|optimizer|pytorch_model|scheduler|training_args|.*_pytorch_model|.*_states).*\.bin$/i,
  ],
  ['weights', /\.(?:bin|gguf|ggml|h5|keras|mlmodel|model|msgpack|npy|npz|onnx|ot|pb|safetensors|tflite)$/i],
  ['data', /\.(?:arrow|csv|feather|jsonl|ndjson|parquet|tsv)$/i],
  ['image', /\.(?:avif|bmp|gif|ico|jpe?g|png|svg|webp)$/i],
  ['markdown', /\.(?:md|markdown)$/i],
  ['settings', /(?:\.(?:cfg|conf|ini|json|toml|ya?ml)|^\.git\w+)$/i],
];

/** What a file is by its name: which icon it gets and how it is shown. */
export const fileKind = (path: string): FileKind =>
  BY_ENDING.find(([, ending]) => ending.test(path.slice(path.lastIndexOf('/') + 1)))?.[0] ?? 'text';

/** Python pickles can run code when loaded; the page says so beside their name. */
export const mayRunCode = (path: string): boolean => fileKind(path) === 'pickle';
