/** A coturn server that relays to one address only. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './person';

const BINARY = process.env['TURNSERVER'] ?? '/usr/bin/turnserver';
const SECRET = 'a-secret-of-this-test-alone';

/** Returns an address of this machine other than loopback, where browsers gather no candidates. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flat();
  const found = all.find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  if (found === undefined) throw new Error('this test needs an address besides loopback');
  return found;
}

async function freePort(address: string): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

export class Turn {
  private constructor(
    readonly url: string,
    /** The only address it relays to. */
    readonly peer: string,
    readonly secretFile: string,
    readonly folder: string,
    readonly process: ChildProcess,
  ) {}

  static async start(): Promise<Turn> {
    const address = ownAddress();
    const port = await freePort(address);
    const folder = mkdtempSync(join(tmpdir(), 'orange-turn-'));
    const [log, secretFile] = [join(folder, 'log'), join(folder, 'secret')];
    writeFileSync(secretFile, SECRET, { mode: 0o600 });
    writeFileSync(join(folder, 'conf'), `static-auth-secret=${SECRET}\n`, { mode: 0o600 });
    const child = spawn(
      BINARY,
      [
        '--use-auth-secret',
        '--realm=localhost',
        '--denied-peer-ip=0.0.0.0-255.255.255.255',
        '--no-cli',
        '--no-tls',
        '--no-dtls',
        '--simple-log',
        '--verbose',
        `--listening-ip=${address}`,
        `--relay-ip=${address}`,
        `--allowed-peer-ip=${address}`,
        `--listening-port=${port}`,
        `--pidfile=${join(folder, 'pid')}`,
        `--userdb=${join(folder, 'db')}`,
        `--log-file=${log}`,
        '-c',
        join(folder, 'conf'),
      ],
      { stdio: 'ignore' },
    );
    const turn = new Turn(`turn:${address}:${port}`, address, secretFile, folder, child);
    await until('coturn listens', () => Promise.resolve(turn.log().includes('listener opened')));
    return turn;
  }

  /** Its log output. */
  log(): string {
    try {
      return readFileSync(join(this.folder, 'log'), 'utf8');
    } catch {
      return '';
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
    rmSync(this.folder, { recursive: true });
  }
}
