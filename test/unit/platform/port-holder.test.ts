import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { describeTakenPort, findPortHolder } from '../../../server/platform/port-holder.ts';

describe.runIf(process.platform === 'linux')('finding who holds a port', () => {
  it('names the process that listens on it', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    expect(await findPortHolder(port)).toMatchObject({ pid: process.pid });
    expect(describeTakenPort(port, await findPortHolder(port), 'choose another')).toContain(
      `Port ${port} is taken by process ${process.pid} (`,
    );
    await new Promise((done) => server.close(done));
    expect(await findPortHolder(port)).toBeUndefined();
  });

  it('says nothing where the system tells nothing', async () => {
    expect(await findPortHolder(80, '/nonexistent')).toBeUndefined();
  });
});
