/** A participant without the link, which receives what the SFU forwards. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const BINARY =
  process.env['ORANGE_BENCH_BIN'] ??
  new URL('../../../target/debug/orange-bench', import.meta.url).pathname;

export interface Packet {
  kind: string;
  /** The RTP payload as hexadecimal digits. */
  payload: string;
}

/**
 * Joins a room until it has received `packets` packets each of audio and video, and returns them.
 * Returns fewer if they do not arrive within half a minute.
 */
export async function eavesdrop(url: string, room: string, packets: number): Promise<Packet[]> {
  const child = spawn(
    BINARY,
    ['eavesdrop', '--url', url, '--room', room, '--seconds', '30', '--packets', String(packets)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const received: Packet[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [, kind, payload] = /^(audio|video) ([0-9a-f]+)$/.exec(line) ?? [];
    if (kind !== undefined && payload !== undefined) received.push({ kind, payload });
  }
  const code = await ended;
  if (code !== 0) throw new Error(`${BINARY} exited with ${code}; build it with make test-e2e`);
  return received;
}
