import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { HubProgram } from './hub-program.ts';

/** Clients as docs/endpoints.md names them, by how their `User-Agent` begins. */
const AGENTS: Readonly<Record<string, RegExp>> = {
  git: /^git\//,
  'git-lfs': /^git-lfs\//,
  hf: /^(huggingface-cli|hf)\//,
  datasets: /\bdatasets\//,
  transformers: /\btransformers\//,
  diffusers: /\bdiffusers\//,
  hf_xet: /^hf_xet\//,
  // Some of its calls leave the name to the library underneath.
  huggingface_hub: /^(hf_hub|unknown\/None; hf_hub|None; hf_hub|python-(httpx2?|requests)\/)/,
  '@huggingface/hub': /^node$/,
  // Has a hub of its own, which nobody else asks.
  'hf auth login': /./,
};

const PROVED = JSON.parse(
  readFileSync(new URL('../clients/proved-routes.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly string[]>>;

/** Every route that docs/endpoints.md says this client proves was answered to it by this hub, without an error. */
export function expectProvedRoutes(hub: HubProgram, clients: readonly string[]): void {
  const answered = hub.answeredRoutes();
  const missing = Object.entries(PROVED).flatMap(([route, provers]) =>
    provers
      .filter((client) => clients.includes(client))
      .filter((client) => ![...(answered.get(route) ?? [])].some((agent) => AGENTS[client]?.test(agent)))
      .map((client) => `${client}: ${route}`),
  );
  expect(missing).toEqual([]);
}
