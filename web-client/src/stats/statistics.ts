/** Turns the browser's reports (`RTCStatsReport`) into statistics, as a pure fold. */

/** The counters of a stream in one report, to compare with those of the next. */
interface StreamCounters {
  /** In ms. */
  at: number;
  bytes: number;
  packets: number;
  lost: number;
  /** The smoothed loss, 0…1. */
  loss: number | undefined;
}

/** The weight of the newest report in the smoothed loss. */
const NEWEST_WEIGHT = 0.5;

/** An RTP stream that is sent or received. */
export interface StreamStatistics {
  /** The slot that receives it, or the source that is sent. */
  line: string;
  kind: 'audio' | 'video';
  bitsPerSecond: number;
  /** The share of recently lost packets, 0…1. */
  loss: number | undefined;
  codec: string | undefined;
  width: number | undefined;
  height: number | undefined;
  framesPerSecond: number | undefined;
  jitterMs: number | undefined;
  /** The limit of the encoder: `cpu` or `bandwidth`. */
  limitedBy: string | undefined;
}

export interface Statistics {
  inbound: readonly StreamStatistics[];
  outbound: readonly StreamStatistics[];
  roundTripMs: number | undefined;
  /** The transport of the packets: `udp` or `tcp`. */
  transport: string | undefined;
  /** By the id of the report's entry. */
  counters: ReadonlyMap<string, StreamCounters>;
}

/** The statistics before the first report. */
export const emptyStatistics: Statistics = {
  inbound: [],
  outbound: [],
  roundTripMs: undefined,
  transport: undefined,
  counters: new Map(),
};

/** An entry of an `RTCStatsReport`. Browsers omit fields, so every field is checked. */
export type Entry = Readonly<Record<string, unknown>>;

/** Returns the statistics after a report. `lines` names the m-lines by their `mid`. */
export function updateStatistics(
  entries: readonly Entry[],
  before: Statistics,
  lines: ReadonlyMap<string, string>,
): Statistics {
  const byId = new Map(entries.map((entry) => [text(entry['id']) ?? '', entry]));
  const remote = new Map<string, Entry>();
  for (const entry of entries) {
    if (entry['type'] === 'remote-inbound-rtp') remote.set(text(entry['localId']) ?? '', entry);
  }
  const counters = new Map<string, StreamCounters>();
  const stream = (entry: Entry, outgoing: boolean): StreamStatistics | undefined => {
    const id = text(entry['id']) ?? '';
    const line = lines.get(text(entry['mid']) ?? '');
    const kind = entry['kind'];
    if (line === undefined || (kind !== 'audio' && kind !== 'video')) return undefined;
    const past = before.counters.get(id);
    const now: StreamCounters = {
      at: number(entry['timestamp']) ?? 0,
      bytes: number(entry[outgoing ? 'bytesSent' : 'bytesReceived']) ?? 0,
      packets: number(entry[outgoing ? 'packetsSent' : 'packetsReceived']) ?? 0,
      lost: number(entry['packetsLost']) ?? 0,
      loss: undefined,
    };
    const newest = outgoing ? number(remote.get(id)?.['fractionLost']) : lossSince(past, now);
    now.loss = smoothed(past?.loss, newest);
    counters.set(id, now);
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
  const streams = (type: string, outgoing: boolean): StreamStatistics[] =>
    entries
      .filter((entry) => entry['type'] === type)
      .map((entry) => stream(entry, outgoing))
      .filter((one): one is StreamStatistics => one !== undefined && one.bitsPerSecond > 0);
  const pair = entries.find(
    (entry) => entry['type'] === 'candidate-pair' && entry['nominated'] === true,
  );
  const local = byId.get(text(pair?.['localCandidateId']) ?? '');
  return {
    inbound: streams('inbound-rtp', false),
    outbound: streams('outbound-rtp', true),
    roundTripMs: ms(pair?.['currentRoundTripTime']),
    transport: text(local?.['protocol']),
    counters,
  };
}

function lossSince(past: StreamCounters | undefined, now: StreamCounters): number | undefined {
  if (past === undefined) return undefined;
  const lost = Math.max(0, now.lost - past.lost);
  const all = lost + Math.max(0, now.packets - past.packets);
  return all === 0 ? undefined : lost / all;
}

function smoothed(past: number | undefined, newest: number | undefined): number | undefined {
  if (past === undefined || newest === undefined) return newest ?? past;
  return NEWEST_WEIGHT * newest + (1 - NEWEST_WEIGHT) * past;
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
