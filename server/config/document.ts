import { CONFIG_FILE_NAME } from './load.ts';
import { writeSize } from './setting.ts';
import { SETTINGS } from './settings.ts';
import type { Setting } from './settings.ts';

function defaultOf(setting: Setting): string {
  if (setting.defaultText !== undefined) return setting.defaultText;
  const { fallback } = setting;
  if (fallback === undefined) return 'none';
  if (setting.form === 'size' && typeof fallback === 'number') return writeSize(fallback);
  if (Array.isArray(fallback)) return fallback.length === 0 ? 'none' : `\`${fallback.join(',')}\``;
  return `\`${String(fallback)}\``;
}

function section(setting: Setting): string {
  const names = [`\`${setting.variable}\``, setting.flag === undefined ? 'no flag' : `\`--${setting.flag}\``];
  return `### \`${setting.key}\`

${setting.doc}

${names.join(' · ')} · default: ${defaultOf(setting)}
`;
}

/** `docs/configuration.md`, from the schema. */
export function writeConfigDocument(): string {
  return `# Configuration

<!-- Generated from server/config/schema.ts by "npm run generate". -->

Settings are read once, at start. Later ones win: defaults, the file, the environment, flags.

- The file is \`${CONFIG_FILE_NAME}\` in the data folder, or the one that \`--config\` or \`ATOLL_CONFIG\` names. It is JSON;
  a dot in a key below is a group: \`{ "port": 8790, "storage": { "kind": "local" } }\`. A relative \`dataDir\` in it
  starts at the file's own folder.
- Lists are written with commas in the environment (\`ATOLL_HOST=127.0.0.1,::1\`), and as repeated flags
  (\`--host 127.0.0.1 --host ::1\`). Switches are \`true\` or \`false\`; as flags \`--require-sign-in\` and
  \`--no-require-sign-in\`. Sizes are a number of bytes or \`64 MiB\`. An empty variable counts as not set.
- An unknown key or flag, or a bad value, stops the start, and everything that is wrong is listed at once. A variable
  that starts with \`ATOLL_\` and is no setting is a warning.
- Secrets have no flag, because command lines can be read by every user of a machine.

${SETTINGS.map(section).join('\n')}`;
}
