/** A participant without a link: what it is sent is what the SFU handles. */

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
 * Takes part in a room until it was sent so many packets of sound and of pictures, and returns
 * them; fewer if they have not come within half a minute.
 */
export async function eavesdrop(url: string, room: string, packets: number): Promise<Packet[]> {
  const child = spawn(
    BINARY,
    ['eavesdrop', '--url', url, '--room', room, '--seconds', '30', '--packets', String(packets)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const heard: Packet[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [, kind, payload] = /^(audio|video) ([0-9a-f]+)$/.exec(line) ?? [];
    if (kind !== undefined && payload !== undefined) heard.push({ kind, payload });
  }
  const code = await ended;
  if (code !== 0) throw new Error(`${BINARY} ended with ${code}; make test-e2e builds it`);
  return heard;
}
