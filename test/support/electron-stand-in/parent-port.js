/** Preloaded into a forked utility process: `process.parentPort` over Node's own channel. */
import { EventEmitter } from 'node:events';

const port = new EventEmitter();
port.postMessage = (message) => process.send?.(message);
process.on('message', (data) => port.emit('message', { data }));
// Chromium ends its utility processes when the browser process is gone.
process.on('disconnect', () => process.exit(1));
process.parentPort = port;
process.type = 'utility';
