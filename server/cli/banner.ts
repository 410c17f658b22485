export interface BannerFacts {
  readonly name: string;
  readonly version: string;
  /** Origins at which the hub answers, the one to recommend first. */
  readonly urls: readonly [string, ...string[]];
  readonly dataDir: string;
  /** Where git is served by SSH; undefined where it is not. */
  readonly sshPort: number | undefined;
  /** One-time link of a hub without accounts. */
  readonly setupUrl?: string | undefined;
}

/** What `npm start` prints when the hub answers: where it is, how clients reach it, and how to set it up. */
export function writeBanner({ name, version, urls, dataDir, sshPort, setupUrl }: BannerFacts): string {
  const [url, ...others] = urls;
  const lines = [
    `${name} runs at ${url} (Atoll ${version})`,
    ...others.map((other) => `  also at ${other}`),
    ...(sshPort === undefined
      ? []
      : [`  git by SSH at ssh://git@${new URL(url).hostname}:${sshPort}/owner/name`]),
    `Data: ${dataDir}`,
    '',
    'Point Hugging Face clients at it:',
    `  export HF_ENDPOINT=${url}`,
    `  $env:HF_ENDPOINT = "${url}"    (PowerShell)`,
  ];
  if (setupUrl !== undefined) {
    lines.push('', 'This hub is empty. Create its first account, once, at:', `  ${setupUrl}`);
  }
  return `${lines.join('\n')}\n`;
}
