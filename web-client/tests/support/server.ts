/** The real server, on free ports. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const BINARY =
  process.env['ORANGE_MEETS_BIN'] ??
  new URL('../../../target/debug/orange-meets', import.meta.url).pathname;

export interface Settings {
  /** Log filter in the syntax of `RUST_LOG`. If set, the log is kept and not printed. */
  log?: string;
  /** Data folder; in memory if missing. */
  data?: string;
  /** Additional flags. */
  flags?: readonly string[];
}

export class Server {
  private constructor(
    readonly url: string,
    /** URL of the administration endpoint, which serves the metrics. */
    readonly admin: string,
    readonly process: ChildProcess,
    /** Log lines so far. */
    readonly log: readonly string[],
  ) {}

  static async start(settings: Settings = {}): Promise<Server> {
    const store = settings.data === undefined ? ['--in-memory'] : ['--data', settings.data];
    const ports = ['--http', '127.0.0.1:0', '--media-port', '0', '--admin', '127.0.0.1:0'];
    const child = spawn(BINARY, ['serve', ...ports, ...store, ...(settings.flags ?? [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { RUST_LOG: settings.log ?? process.env['RUST_LOG'] ?? 'warn' },
    });
    const log: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line);
      if (settings.log === undefined) process.stderr.write(`${line}\n`);
    });
    let admin = '';
    for await (const line of createInterface({ input: child.stdout })) {
      admin = /^administration on (http:\S+)$/.exec(line)?.[1] ?? admin;
      const url = /^listening on (http:\S+)$/.exec(line)?.[1];
      // Chromium treats both spellings of loopback as secure.
      if (url !== undefined) return new Server(url, admin, child, log);
    }
    throw new Error(`${BINARY} exited before it listened; build it with make test-e2e`);
  }

  /** Steps of the delivery service, if the log filter includes them. */
  get trace(): string[] {
    const steps = this.log.map((line) => / TRACE protocol_trace: (\{.*\}) room=/.exec(line)?.[1]);
    return steps.filter((step) => step !== undefined);
  }

  /** Returns the sum of a metric over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.admin}/metrics`)).text();
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
