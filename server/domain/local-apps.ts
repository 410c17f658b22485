/** What a model is, as far as it decides which programs can run it. */
export interface Runnable {
  readonly tags: readonly string[];
  readonly pipelineTag: string | undefined;
  readonly libraryName: string | undefined;
}

const GGUF_APPS =
  `atomic-chat backyard docker-model-runner jan jellybox koboldcpp lemonade llama.cpp lmstudio local-ai msty
   node-llama-cpp ollama pi ramalama recursechat sanctum tiny-chat unsloth`.split(/\s+/);
const MLX_APPS = 'lmstudio mlx-lm'.split(' ');
const SERVERS = 'docker-model-runner sglang vllm'.split(' ');
const IMAGE_APPS = 'diffusionbee drawthings invoke joyfusion'.split(' ');

/** Names of the programs on one's own machine that run a model, as the `apps` filter of lists has them. */
export function appsOf({ tags, pipelineTag, libraryName }: Runnable): readonly string[] {
  const apps = new Set<string>();
  const add = (names: readonly string[]): void => names.forEach((name) => apps.add(name));
  if (tags.includes('gguf')) add(GGUF_APPS);
  if (tags.includes('mlx')) add(MLX_APPS);
  const isText = pipelineTag === 'text-generation' || pipelineTag === 'image-text-to-text';
  if (libraryName === 'transformers' && isText) add(SERVERS);
  if (libraryName === 'diffusers' && pipelineTag === 'text-to-image') add(IMAGE_APPS);
  return [...apps];
}
