/*
 * What the names of a model's files say about it. A hint is a tag by which the Hub's users look for models of a
 * library or a format.
 */

/** Hints by the name of a file, wherever in the repository it lies. */
const HINTS_BY_ENDING: readonly (readonly [RegExp, string])[] = [
  [/\.safetensors$/, 'safetensors'],
  [/\.gguf$/, 'gguf'],
  [/\.onnx$/, 'onnx'],
  [/\.tflite$/, 'tflite'],
  [/\.mlpackage\//, 'coreml'],
  [
    /(?:^|\/)(?:pytorch_model|adapter_model|diffusion_pytorch_model)[^/]*\.bin$|\.(?:pt|pth|ckpt)$/,
    'pytorch',
  ],
  [/(?:^|\/)tf_model[^/]*\.h5$/, 'tf'],
  [/(?:^|\/)flax_model[^/]*\.msgpack$/, 'jax'],
  [/(?:^|\/)rust_model\.ot$/, 'rust'],
  [/(?:^|\/)openvino[^/]*\.xml$/, 'openvino'],
  [/(?:^|\/)events\.out\.tfevents/, 'tensorboard'],
  [/\.keras$|(?:^|\/)keras_metadata\.pb$/, 'keras'],
  [/\.nemo$/, 'nemo'],
  [/\.(?:joblib|skops)$/, 'joblib'],
];

/** Tags that follow from the names of files, in a fixed order. */
export function hintsOfFiles(paths: readonly string[]): readonly string[] {
  const hints = new Set<string>();
  for (const [ending, hint] of HINTS_BY_ENDING) if (paths.some((path) => ending.test(path))) hints.add(hint);
  return [...hints];
}

/** Libraries that are known by a file of the root folder, the one that decides first. */
const LIBRARY_FILES: readonly (readonly [string, string])[] = [
  ['modules.json', 'sentence-transformers'],
  ['config_setfit.json', 'setfit'],
  ['adapter_config.json', 'peft'],
  ['model_index.json', 'diffusers'],
  ['open_clip_config.json', 'open_clip'],
  ['model_config.yaml', 'nemo'],
];

export const libraryOfFiles = (rootNames: readonly string[]): string | undefined =>
  LIBRARY_FILES.find(([file]) => rootNames.includes(file))?.[1];

/** Names of libraries as the Hub's filters have them: a tag of the card with such a name says the library too. */
const LIBRARIES: ReadonlySet<string> = new Set(
  `adapter-transformers allennlp asteroid bertopic diffusers doctr espnet fairseq fastai fasttext flair gguf gliner
   jax joblib keras mlx mlx-image ml-agents nemo onnx open_clip openvino paddlenlp peft pyannote-audio pytorch rust
   safetensors sample-factory sentence-transformers setfit sklearn spacy span-marker speechbrain stable-baselines3
   stanza tensorboard tf tf-keras tflite timm transformers transformers.js ultralytics unity-sentis vllm`.split(
    /\s+/,
  ),
);

export const isLibrary = (tag: string): boolean => LIBRARIES.has(tag);

/** Formats that name no library of their own. */
const FORMATS: ReadonlySet<string> = new Set([
  'safetensors',
  'gguf',
  'onnx',
  'pytorch',
  'tensorboard',
  'vllm',
]);

/** A library among the tags of a card; formats do not count. */
export const libraryOfTags = (tags: readonly string[]): string | undefined =>
  tags.find((tag) => LIBRARIES.has(tag) && !FORMATS.has(tag));

/** The file by whose header a model is measured: of GGUF the first that is neither a projector nor a matrix. */
export function mainGguf(paths: readonly string[]): string | undefined {
  const models = paths.filter((path) => /\.gguf$/i.test(path) && !/mmproj|imatrix/i.test(path));
  return models.sort((a, b) => depthOf(a) - depthOf(b) || (a < b ? -1 : 1))[0];
}

const depthOf = (path: string): number => path.split('/').length;

const SHARD = /^(.*)-\d{5}-of-(\d{5})\.(safetensors|gguf)$/;

/** A file that is one of several is here with all of them, in order; any other one alone. */
export function withItsShards(path: string, paths: readonly string[]): readonly string[] {
  const [, stem, count, ending] = SHARD.exec(path) ?? [];
  if (stem === undefined || count === undefined || ending === undefined) return [path];
  const group = new RegExp(`^\\d{5}-of-${count}\\.${ending}$`);
  return paths.filter((one) => one.startsWith(`${stem}-`) && group.test(one.slice(stem.length + 1))).sort();
}

/** Without an index: the safetensors file of the root folder that is the model, or all shards of it. */
export function mainSafetensors(rootNames: readonly string[]): readonly string[] {
  const files = rootNames.filter((name) => name.endsWith('.safetensors')).sort();
  const usual = ['model.safetensors', 'adapter_model.safetensors', 'diffusion_pytorch_model.safetensors'];
  const main = usual.find((name) => files.includes(name)) ?? files[0];
  return main === undefined ? [] : withItsShards(main, files);
}
