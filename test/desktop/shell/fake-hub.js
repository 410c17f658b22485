/**
 * A hub of a few lines that speaks the contract with the shell, for what the real one cannot be made to do on
 * command. ATOLL_TEST_HUB says how it behaves: `crash`, `hang`, `newer`, `slow-stop`, `nonsense`; without it
 * it listens on the port of its flags or of atoll.config.json.
 */
import { createServer } from 'node:http';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const behavior = process.env.ATOLL_TEST_HUB;
const { values } = parseArgs({ options: { 'data-dir': { type: 'string' }, port: { type: 'string' } } });
const dataDir = values['data-dir'];
const configFile = join(dataDir, 'atoll.config.json');
const config = existsSync(configFile) ? JSON.parse(readFileSync(configFile, 'utf8')) : {};
const port = Number(values.port ?? config.port ?? 0);
const send = (message) => process.parentPort.postMessage(message);

process.parentPort.on('message', ({ data }) => {
  if (data.type !== 'stop') return;
  writeFileSync(join(dataDir, 'stop-was-asked'), '');
  setTimeout(
    () => {
      writeFileSync(join(dataDir, 'drained'), '');
      send({ type: 'stopped' });
      process.exit(0);
    },
    behavior === 'slow-stop' ? 1500 : 0,
  );
});

const page = (title) => `<!doctype html><title>${title}</title><h1>${title}</h1>
  <a id="inside" href="/models">models</a> <a id="outside" href="https://example.invalid/x">outside</a>
  <a id="window" target="_blank" href="https://example.invalid/y">window</a>`;

const server = createServer((request, response) => {
  if (request.url === '/crash') process.exit(7);
  response.setHeader('content-type', 'text/html');
  response.end(page(request.url === '/' ? 'The hub' : `The hub at ${request.url}`));
});
server.on('error', (error) => {
  send({ type: 'failed', code: 'PortTaken', message: `Port ${port}: ${error.code}`, details: { port } });
});

console.log(`fake hub, environment ${Object.keys(process.env).sort().join(' ')}`);
if (behavior === 'crash') {
  console.error('fake hub: out of luck');
  process.exit(7);
} else if (behavior === 'newer') {
  send({
    type: 'failed',
    code: 'NewerDatabase',
    message: 'newer',
    details: { folder: dataDir, writtenBy: '9.0' },
  });
} else if (behavior !== 'hang') {
  if (behavior === 'nonsense') send({ type: 'ready', url: 'file:///etc/passwd' });
  server.listen(port, '127.0.0.1', () => {
    const url = `http://127.0.0.1:${server.address().port}`;
    send({ type: 'ready', url, ...(config.isSetUp ? {} : { setupUrl: `${url}/setup?secret=once` }) });
  });
}
