import { connect } from 'node:net';

/** Reads one answer whole and throws its bytes away; prints how long that took, in seconds. */
const { port, request } = JSON.parse(process.argv[2] ?? '') as {
  readonly port: number;
  readonly request: string;
};

const started = performance.now();
const socket = connect({
  port,
  host: '127.0.0.1',
  onread: {
    buffer: Buffer.allocUnsafe(1024 * 1024),
    callback: (length, bytes) => take(bytes.subarray(0, length)),
  },
});
let head = Buffer.alloc(0);
let missing = NaN;

function take(bytes: Uint8Array): boolean {
  if (Number.isNaN(missing)) {
    head = Buffer.concat([head, bytes]);
    const headEnd = head.indexOf('\r\n\r\n');
    if (headEnd < 0) return true;
    const text = head.toString('latin1', 0, headEnd);
    if (!text.startsWith('HTTP/1.1 200')) throw new Error(`Answer: ${text}`);
    missing = Number(/\ncontent-length: *(\d+)/i.exec(text)?.[1]) - (head.length - headEnd - 4);
  } else missing -= bytes.length;
  if (missing > 0) return true;
  process.stdout.write(String((performance.now() - started) / 1000));
  socket.destroy();
  return false;
}

socket.on('connect', () => socket.write(request));
