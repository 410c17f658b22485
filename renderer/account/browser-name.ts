import { m } from '../messages.ts';

// The first that fits: most browsers also call themselves by the names of others.
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/Electron\//, 'Atoll'],
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/(HeadlessChrome|Chrome|CriOS)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
  [/^(hf_hub|huggingface_hub)\b|\bhf_hub\//, 'huggingface_hub'],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/Windows/, 'Windows'],
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
];

/** How a person calls what a `User-Agent` names; its first word where it is none of the usual ones. */
export function browserName(userAgent: string): string {
  const name = BROWSERS.find(([pattern]) => pattern.test(userAgent))?.[1];
  const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1] ?? '';
  const fallback = userAgent.split(/[\s/;(]/)[0];
  return m.sessions.browser(name ?? (fallback || m.sessions.unknown), system);
}
