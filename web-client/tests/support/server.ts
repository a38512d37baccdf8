/** The real server, on free ports, with its log in memory. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const BINARY =
  process.env['ORANGE_MEETS_BIN'] ??
  new URL('../../../target/debug/orange-meets', import.meta.url).pathname;

export class Server {
  private constructor(
    readonly url: string,
    readonly process: ChildProcess,
  ) {}

  static async start(): Promise<Server> {
    const child = spawn(
      BINARY,
      ['serve', '--http', '127.0.0.1:0', '--media-port', '0', '--in-memory'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { RUST_LOG: process.env['RUST_LOG'] ?? 'warn' },
      },
    );
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /^listening on (http:\S+)$/.exec(line)?.[1];
      // Chromium treats both spellings of loopback as secure.
      if (url !== undefined) return new Server(url, child);
    }
    throw new Error(`${BINARY} ended before it listened; run make test-e2e, which builds it`);
  }

  /** The sum of a metric over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.split(/[{ ]/)[0] === name);
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
  }
}
