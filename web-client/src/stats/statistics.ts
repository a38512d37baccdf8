/** What the browser counts about the connection, made readable: a pure fold over its reports. */

/** The counters of a flow at one moment, to be compared with those of the next. */
interface Counted {
  at: number;
  bytes: number;
  packets: number;
  lost: number;
  /** The share that was lost lately. */
  loss: number | undefined;
}

/** How much the newest report counts beside those before it: single packets make no bad line. */
const NEWEST = 0.5;

export interface Flow {
  /** Its line: the slot that receives it, or the source that sends it. */
  line: string;
  kind: 'audio' | 'video';
  bitsPerSecond: number;
  /** Lost on the way lately, 0…1. */
  loss: number | undefined;
  codec: string | undefined;
  width: number | undefined;
  height: number | undefined;
  framesPerSecond: number | undefined;
  jitterMs: number | undefined;
  /** What holds an encoder back: `cpu` or `bandwidth`. */
  limitedBy: string | undefined;
}

export interface Statistics {
  inbound: readonly Flow[];
  outbound: readonly Flow[];
  roundTripMs: number | undefined;
  /** How the packets go: `udp` or `tcp`. */
  transport: string | undefined;
  counted: ReadonlyMap<string, Counted>;
}

export const nothing: Statistics = {
  inbound: [],
  outbound: [],
  roundTripMs: undefined,
  transport: undefined,
  counted: new Map(),
};

/** One entry of an `RTCStatsReport`, of which nothing is taken for granted. */
export type Entry = Readonly<Record<string, unknown>>;

/** `lines` names the m-lines by their `mid`. */
export function digest(
  entries: readonly Entry[],
  before: Statistics,
  lines: ReadonlyMap<string, string>,
): Statistics {
  const byId = new Map(entries.map((entry) => [text(entry['id']) ?? '', entry]));
  const remote = new Map<string, Entry>();
  for (const entry of entries) {
    if (entry['type'] === 'remote-inbound-rtp') remote.set(text(entry['localId']) ?? '', entry);
  }
  const counted = new Map<string, Counted>();
  const flow = (entry: Entry, outgoing: boolean): Flow | undefined => {
    const id = text(entry['id']) ?? '';
    const line = lines.get(text(entry['mid']) ?? '');
    const kind = entry['kind'];
    if (line === undefined || (kind !== 'audio' && kind !== 'video')) return undefined;
    const past = before.counted.get(id);
    const now: Counted = {
      at: number(entry['timestamp']) ?? 0,
      bytes: number(entry[outgoing ? 'bytesSent' : 'bytesReceived']) ?? 0,
      packets: number(entry[outgoing ? 'packetsSent' : 'packetsReceived']) ?? 0,
      lost: number(entry['packetsLost']) ?? 0,
      loss: undefined,
    };
    const newest = outgoing ? number(remote.get(id)?.['fractionLost']) : lossSince(past, now);
    now.loss = lately(past?.loss, newest);
    counted.set(id, now);
    const seconds = past === undefined ? 0 : (now.at - past.at) / 1000;
    const bytes = now.bytes - (past?.bytes ?? 0);
    const codec = text(byId.get(text(entry['codecId']) ?? '')?.['mimeType']);
    const limit = text(entry['qualityLimitationReason']);
    return {
      line,
      kind,
      bitsPerSecond: seconds > 0 ? Math.max(0, Math.round((bytes * 8) / seconds)) : 0,
      loss: now.loss,
      codec: codec?.split('/')[1],
      width: number(entry['frameWidth']),
      height: number(entry['frameHeight']),
      framesPerSecond: number(entry['framesPerSecond']),
      jitterMs: ms(entry['jitter']),
      limitedBy: limit === 'none' ? undefined : limit,
    };
  };
  const flows = (type: string, outgoing: boolean): Flow[] =>
    entries
      .filter((entry) => entry['type'] === type)
      .map((entry) => flow(entry, outgoing))
      .filter((one): one is Flow => one !== undefined && one.bitsPerSecond > 0);
  const pair = entries.find(
    (entry) => entry['type'] === 'candidate-pair' && entry['nominated'] === true,
  );
  const local = byId.get(text(pair?.['localCandidateId']) ?? '');
  return {
    inbound: flows('inbound-rtp', false),
    outbound: flows('outbound-rtp', true),
    roundTripMs: ms(pair?.['currentRoundTripTime']),
    transport: text(local?.['protocol']),
    counted,
  };
}

function lossSince(past: Counted | undefined, now: Counted): number | undefined {
  if (past === undefined) return undefined;
  const lost = Math.max(0, now.lost - past.lost);
  const all = lost + Math.max(0, now.packets - past.packets);
  return all === 0 ? undefined : lost / all;
}

function lately(past: number | undefined, newest: number | undefined): number | undefined {
  if (past === undefined || newest === undefined) return newest ?? past;
  return NEWEST * newest + (1 - NEWEST) * past;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function ms(seconds: unknown): number | undefined {
  const value = number(seconds);
  return value === undefined ? undefined : Math.round(value * 1000);
}
