import { isRecord } from './plain-json.ts';

/** Formats by the ending of data files; the first that most files have is the dataset's. */
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  parquet: ['parquet'],
  csv: ['csv', 'tsv'],
  json: ['json', 'jsonl', 'ndjson'],
  arrow: ['arrow'],
  text: ['txt'],
  imagefolder: ['jpg', 'jpeg', 'png', 'webp', 'gif', 'bmp', 'tif', 'tiff'],
  audiofolder: ['wav', 'mp3', 'flac', 'ogg', 'opus', 'm4a'],
  videofolder: ['mp4', 'webm', 'mkv', 'avi', 'mov'],
  webdataset: ['tar'],
};

const FORMAT_BY_ENDING: ReadonlyMap<string, string> = new Map(
  Object.entries(FORMATS).flatMap(([format, endings]) => endings.map((ending) => [ending, format] as const)),
);

/** What kind of content a file with a certain ending is, as far as that says. */
const MODALITY_BY_ENDING: ReadonlyMap<string, string> = new Map(
  Object.entries({
    image: FORMATS['imagefolder'] ?? [],
    audio: FORMATS['audiofolder'] ?? [],
    video: FORMATS['videofolder'] ?? [],
    text: ['txt', 'jsonl', 'md'],
    tabular: ['csv', 'tsv'],
    document: ['pdf'],
    '3d': ['glb', 'gltf', 'obj', 'ply', 'stl'],
    geospatial: ['geojson', 'shp', 'gpkg'],
  }).flatMap(([modality, endings]) => endings.map((ending) => [ending, modality] as const)),
);

/** Libraries that read each format. */
const TABLE_LIBRARIES = ['datasets', 'pandas', 'polars', 'mlcroissant'];
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  parquet: TABLE_LIBRARIES,
  csv: TABLE_LIBRARIES,
  json: TABLE_LIBRARIES,
  webdataset: ['datasets', 'webdataset', 'mlcroissant'],
};
const OTHER_LIBRARIES = ['datasets', 'mlcroissant'];

/** Files about the dataset rather than of it. */
const isData = (path: string): boolean =>
  !/^(?:README\.md|\.git[^/]*|dataset_infos?\.json|\.huggingface\.yaml)$/.test(path) &&
  !/(?:^|\/)\./.test(path);

/** `photo.JPG.gz` has the ending `jpg`. */
function endingOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const plain = name.replace(/\.(?:gz|bz2|xz|zst|zip)$/, '');
  return plain.slice(plain.lastIndexOf('.') + 1);
}

/** The tags `format:`, `modality:` and `library:` of a dataset, by its files and what its card says of its columns. */
export function datasetFacets(files: {
  readonly card: Readonly<Record<string, unknown>>;
  readonly paths: readonly string[];
}): readonly string[] {
  const counts = new Map<string, number>();
  const modalities = modalitiesOfColumns(files.card['dataset_info']);
  for (const path of files.paths) {
    if (!isData(path)) continue;
    const ending = endingOf(path);
    const format = FORMAT_BY_ENDING.get(ending);
    if (format !== undefined) counts.set(format, (counts.get(format) ?? 0) + 1);
    const modality = MODALITY_BY_ENDING.get(ending);
    if (modality !== undefined) modalities.add(modality);
  }
  const format = [...counts].reduce<readonly [string, number] | undefined>(
    (most, one) => (most && most[1] >= one[1] ? most : one),
    undefined,
  )?.[0];
  const libraries = format === undefined ? [] : (LIBRARIES[format] ?? OTHER_LIBRARIES);
  return [
    ...(format === undefined ? [] : [`format:${format}`]),
    ...[...modalities].sort().map((modality) => `modality:${modality}`),
    ...libraries.map((library) => `library:${library}`),
  ];
}

const MAX_CONFIGS = 100;
const MAX_COLUMNS = 1_000;

/** Modalities of the columns that `dataset_info` lists, for one configuration or several. */
function modalitiesOfColumns(info: unknown): Set<string> {
  const modalities = new Set<string>();
  const configs = (Array.isArray(info) ? info : [info]).slice(0, MAX_CONFIGS);
  for (const config of configs) {
    const features: unknown = isRecord(config) ? config['features'] : undefined;
    if (!Array.isArray(features)) continue;
    for (const feature of features.slice(0, MAX_COLUMNS) as unknown[]) {
      const type: unknown = isRecord(feature) ? feature['dtype'] : undefined;
      const modality = typeof type === 'string' ? modalityOf(type) : undefined;
      if (modality !== undefined) modalities.add(modality);
    }
  }
  return modalities;
}

function modalityOf(dtype: string): string | undefined {
  if (dtype === 'string' || dtype === 'large_string') return 'text';
  if (dtype === 'image' || dtype === 'audio' || dtype === 'video') return dtype;
  if (dtype === 'pdf') return 'document';
  if (/^(?:u?int|float)\d+$/.test(dtype)) return 'tabular';
  return /^(?:timestamp|date)/.test(dtype) ? 'timeseries' : undefined;
}
