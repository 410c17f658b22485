/** Tasks as the Hub groups them: what `pipeline_tag` can say, and in which group a page shows it. */
const PIPELINES_BY_GROUP: Readonly<Record<string, string>> = {
  multimodal: `any-to-any audio-text-to-text document-question-answering image-text-to-image image-text-to-text
    image-text-to-video video-text-to-text visual-document-retrieval visual-question-answering`,
  cv: `depth-estimation image-classification image-feature-extraction image-segmentation image-to-3d image-to-image
    image-to-text image-to-video keypoint-detection mask-generation object-detection text-to-3d text-to-image
    text-to-video unconditional-image-generation video-classification video-to-video zero-shot-image-classification
    zero-shot-object-detection`,
  nlp: `feature-extraction fill-mask question-answering sentence-similarity summarization table-question-answering
    text-classification text-generation text-ranking text2text-generation token-classification translation
    zero-shot-classification`,
  audio: `audio-classification audio-to-audio automatic-speech-recognition text-to-audio text-to-speech
    voice-activity-detection`,
  tabular: `tabular-classification tabular-regression tabular-to-text time-series-forecasting`,
  rl: 'reinforcement-learning robotics',
  other: 'graph-ml other',
};

const GROUPS: ReadonlyMap<string, string> = new Map(
  Object.entries(PIPELINES_BY_GROUP).flatMap(([group, names]) =>
    names.split(/\s+/).map((name) => [name, group] as const),
  ),
);

/** Group of a task; undefined for what is no task of the Hub. */
export const pipelineGroup = (pipeline: string): string | undefined => GROUPS.get(pipeline);

interface Head {
  readonly pipeline: string;
  /** The class of transformers that loads it. */
  readonly auto: string;
}

const head = (pipeline: string, auto: string): Head => ({ pipeline, auto: `AutoModelFor${auto}` });

/** By the end of a class name in `architectures`. Longer ends come first where one is part of another. */
const HEADS: readonly (readonly [RegExp, Head])[] = [
  [/For(?:Masked|PreTraining)?CausalLM$|LMHeadModel$/, head('text-generation', 'CausalLM')],
  [/ForSequenceClassification$/, head('text-classification', 'SequenceClassification')],
  [/ForTokenClassification$/, head('token-classification', 'TokenClassification')],
  [/ForTableQuestionAnswering$/, head('table-question-answering', 'TableQuestionAnswering')],
  [/ForQuestionAnswering$/, head('question-answering', 'QuestionAnswering')],
  [/ForMaskedLM$/, head('fill-mask', 'MaskedLM')],
  [/ForSpeechSeq2Seq$/, head('automatic-speech-recognition', 'SpeechSeq2Seq')],
  [/ForCTC$/, head('automatic-speech-recognition', 'CTC')],
  [/ForAudioClassification$/, head('audio-classification', 'AudioClassification')],
  [/ForImageClassification$/, head('image-classification', 'ImageClassification')],
  [/ForZeroShotObjectDetection$/, head('zero-shot-object-detection', 'ZeroShotObjectDetection')],
  [/ForObjectDetection$/, head('object-detection', 'ObjectDetection')],
  [/For(?:Semantic|Universal|Instance)?Segmentation$/, head('image-segmentation', 'SemanticSegmentation')],
  [/ForDepthEstimation$/, head('depth-estimation', 'DepthEstimation')],
  [/ForVideoClassification$/, head('video-classification', 'VideoClassification')],
  [/ForMultipleChoice$/, head('multiple-choice', 'MultipleChoice')],
  [/ForSeq2SeqLM$/, head('text2text-generation', 'Seq2SeqLM')],
];

/** `ForConditionalGeneration` is what many kinds of models are called, told apart by their type. */
const CONDITIONAL: readonly (readonly [RegExp, Head])[] = [
  [
    /^(?:whisper|speech_to_text|speech_to_text_2|moonshine)/,
    head('automatic-speech-recognition', 'SpeechSeq2Seq'),
  ],
  [
    /^(?:t5|mt5|umt5|longt5|bart|mbart|pegasus|led|blenderbot|m2m_100|marian|fsmt|prophetnet|switch_transformers)/,
    head('text2text-generation', 'Seq2SeqLM'),
  ],
  [/^(?:blip|pix2struct|git|vision-encoder-decoder)/, head('image-to-text', 'Vision2Seq')],
];
const CONDITIONAL_OTHERWISE = head('image-text-to-text', 'ImageTextToText');

/** What a transformers model does by its class; undefined for a bare encoder and for what is not known. */
export function headOf(architecture: string, modelType: string): Head | undefined {
  for (const [ending, found] of HEADS) if (ending.test(architecture)) return found;
  if (!architecture.endsWith('ForConditionalGeneration')) return undefined;
  return CONDITIONAL.find(([type]) => type.test(modelType))?.[1] ?? CONDITIONAL_OTHERWISE;
}

/** Task types of PEFT (`adapter_config.json`). */
const PEFT_TASKS: Readonly<Record<string, string>> = {
  CAUSAL_LM: 'text-generation',
  SEQ_CLS: 'text-classification',
  SEQ_2_SEQ_LM: 'text2text-generation',
  TOKEN_CLS: 'token-classification',
  QUESTION_ANS: 'question-answering',
  FEATURE_EXTRACTION: 'feature-extraction',
};
export const pipelineOfPeftTask = (task: string): string | undefined =>
  Object.hasOwn(PEFT_TASKS, task) ? PEFT_TASKS[task] : undefined;

/** A pipeline class of diffusers (`model_index.json`). */
export function pipelineOfDiffusers(className: string): string | undefined {
  if (/Inpaint|Img2Img|ImageVariation|InstructPix2Pix|Upscale|Depth2Img/.test(className))
    return 'image-to-image';
  if (/ImageToVideo|VideoDiffusion/.test(className)) return 'image-to-video';
  if (/Video|Wan|CogVideo|Mochi|AnimateDiff/.test(className)) return 'text-to-video';
  if (/Audio|Music/.test(className)) return 'text-to-audio';
  if (/^(?:DDPM|DDIM|PNDM|ScoreSdeVe|KarrasVe|LDM)Pipeline$/.test(className)) {
    return 'unconditional-image-generation';
  }
  return /Pipeline$/.test(className) ? 'text-to-image' : undefined;
}
