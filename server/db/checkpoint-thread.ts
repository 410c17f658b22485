import { parentPort, workerData } from 'node:worker_threads';
import { openSqliteRole, type SqliteFile } from './sqlite.ts';

/** Entry of the thread of `checkpoints.ts`. It ends with the connection that it has to itself, or when it fails. */

if (!parentPort) throw new Error('db/checkpoint-thread.ts runs in a worker thread only');
const port = parentPort;
const connection = openSqliteRole(workerData as SqliteFile, 'write');

// Passive: takes what no reader stands in the way of, and waits for nobody.
const moveLog = connection.prepare('pragma wal_checkpoint(passive)');

port.on('message', (request: 'move' | 'end') => {
  if (request === 'move') {
    moveLog.all();
    port.postMessage('moved');
  } else {
    connection.close();
    port.close();
  }
});
