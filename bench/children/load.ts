import { connect, type Socket } from 'node:net';

/**
 * Sends one request over and over on keep-alive connections, the next as soon as the answer is there, and prints how
 * many answers came. A process of its own, without an HTTP client, so that it is not what is measured. All answers
 * must have the length of the first.
 */
interface Load {
  readonly port: number;
  /** The request as it goes over the wire. */
  readonly request: string;
  readonly connections: number;
  readonly seconds: number;
}

const load = JSON.parse(process.argv[2] ?? '') as Load;
const isHead = load.request.startsWith('HEAD ');
const OK = Buffer.from('HTTP/1.1 200');

function answerLength(start: Buffer): number | undefined {
  const headEnd = start.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = start.toString('latin1', 0, headEnd);
  if (!head.startsWith('HTTP/1.1 200')) throw new Error(`Answer: ${head}`);
  const length = Number(/\ncontent-length: *(\d+)/i.exec(head)?.[1]);
  return headEnd + 4 + (isHead ? 0 : length);
}

let answers = 0;
let isOver = false;

function run(): Promise<Socket> {
  return new Promise((done, failed) => {
    const socket = connect(load.port, '127.0.0.1');
    socket.setNoDelay(true);
    let expected = 0;
    let received = 0;
    let first = Buffer.alloc(0);
    const send = (): void => {
      received = 0;
      if (isOver) done(socket);
      else socket.write(load.request);
    };
    socket.on('connect', send);
    socket.on('error', failed);
    socket.on('close', () => failed(new Error('The server closed the connection.')));
    socket.on('data', (bytes) => {
      if (expected === 0) {
        first = Buffer.concat([first, bytes]);
        expected = answerLength(first) ?? 0;
        received = first.length;
      } else {
        if (received === 0 && bytes.compare(OK, 0, OK.length, 0, OK.length) !== 0) {
          failed(new Error(`Answer: ${bytes.toString('latin1', 0, 200)}`));
        }
        received += bytes.length;
      }
      if (expected === 0 || received < expected) return;
      if (received > expected) failed(new Error('Answers differ in length.'));
      answers += 1;
      send();
    });
  });
}

const started = performance.now();
setTimeout(() => (isOver = true), load.seconds * 1000);
const sockets = await Promise.all(Array.from({ length: load.connections }, run));
const seconds = (performance.now() - started) / 1000;
process.stdout.write(JSON.stringify({ perSecond: answers / seconds }));
for (const socket of sockets) socket.removeAllListeners('close').destroy();
