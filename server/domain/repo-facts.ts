/**
 * In which way a label belongs to a repository. What people type into a filter is a `tag`; the other roles are what
 * one field of the repository says.
 *
 * - `pipeline`, `library`, `language`: its pipeline tag, the libraries that load it, its languages
 * - `model`, `dataset`: what a space uses, by full name; `linked` is there when it uses any
 * - `app`: programs on one's own machine that run it
 * - `evaluated`: data sets that a model's card gives results for, by full name
 */
export type LabelRole =
  'tag' | 'pipeline' | 'library' | 'language' | 'model' | 'dataset' | 'linked' | 'app' | 'evaluated';

/** Something a list can be narrowed by. */
export interface Label {
  readonly role: LabelRole;
  readonly label: string;
}

/** The label of every space that names a model or a dataset. */
export const LINKED: Label = { role: 'linked', label: 'yes' };

/** Number of parameters by data type, and together, as the headers of safetensors files say. */
export interface TensorTotals {
  readonly parameters: Readonly<Record<string, number>>;
  readonly total: number;
}

/** What the header of a GGUF file says. */
export interface GgufFacts {
  /** Parameters of all tensors. */
  readonly total: number;
  readonly architecture?: string;
  readonly context_length?: number;
  readonly chat_template?: string;
  readonly quantize_imatrix_file?: string;
}

/** What every list shows of a repository's files. */
export interface FactSummary {
  readonly tags: readonly string[];
  readonly pipelineTag?: string;
  readonly libraryName?: string;
  readonly sdk?: string;
  /** What a space uses, by full name. */
  readonly models: readonly string[];
  readonly datasets: readonly string[];
}

/** How a model came from its base models. */
export type BaseRelation = 'finetune' | 'quantized' | 'adapter' | 'merge';

/** What info answers say beyond the summary and the card. */
export interface FactDetails {
  /** A part of `config.json` and its like. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly transformersInfo?: Readonly<Record<string, string>>;
  readonly maskToken?: string;
  readonly safetensors?: TensorTotals;
  readonly gguf?: GgufFacts;
  readonly base?: { readonly relation: BaseRelation; readonly models: readonly string[] };
  readonly description?: string;
  readonly citation?: string;
  /** A space has the file that its kind is started from. */
  readonly hasApp?: boolean;
}

/** Everything that is derived from the files of one commit. */
export interface RepoFacts {
  /** Metadata of `README.md`: plain JSON of bounded size. */
  readonly card: Readonly<Record<string, unknown>>;
  readonly summary: FactSummary;
  readonly details: FactDetails;
}
