import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type Command,
  HEARTBEAT_TIMEOUT_MS,
  RESUME_MS,
  SignalingSession,
} from './signaling_session';

const fixture = (name: string): string =>
  readFileSync(
    new URL(`../../../signaling/protocol/fixtures/${name}.json`, import.meta.url),
    'utf8',
  );

const joined = fixture('server.joined');
const { seq, participant, resume_token, log } = JSON.parse(joined) as {
  seq: number;
  participant: number;
  resume_token: string;
  log: { position: number };
};

const left = (at: number): string =>
  JSON.stringify({
    topic: 'room',
    type: 'delta',
    seq: at,
    delta: { change: 'participant_left', participant: 9 },
  });
const logged = (at: number, position: number): string =>
  JSON.stringify({
    topic: 'room',
    type: 'delta',
    seq: at,
    delta: { change: 'log', entry: { position, event: { kind: 'departed', participant: 9 } } },
  });
const closing = (code: string): string =>
  JSON.stringify({
    topic: 'control',
    type: 'closing',
    refusal: { code, message: 'why', current: null, retry_after_seconds: null, message_id: null },
  });

const kinds = (commands: Command[]): string[] => commands.map((command) => command.do);
const hello = (commands: Command[]): { token: string; resume: unknown; predecessor: unknown } => {
  const sent = commands.find((command) => command.do === 'send');
  return JSON.parse(sent?.text ?? '{}') as ReturnType<typeof hello>;
};

/** A session that joined at time 0. */
function joinedSession(): SignalingSession {
  const session = new SignalingSession('token', () => 1);
  session.start(0);
  session.handleOpen(0);
  expect(kinds(session.handleText(joined, 0))).toEqual(['deliver']);
  return session;
}

/** The hello of the next socket after the present one broke. */
function resumed(session: SignalingSession, now: number): { resume: unknown } {
  session.handleClosed(now);
  expect(kinds(session.handleTimeout(now))).toEqual(['open']);
  return hello(session.handleOpen(now));
}

describe('a signaling session', () => {
  it('opens a socket and says hello with the token', () => {
    const session = new SignalingSession('token', () => 1);
    expect(kinds(session.start(0))).toEqual(['open']);
    expect(hello(session.handleOpen(5))).toMatchObject({ token: 'token', resume: null });
  });

  it('replaces its predecessor, and is one for the next join', () => {
    const before = { participant: 2, resume_token: 'of the last page' };
    const session = new SignalingSession('token', () => 1, before);
    session.start(0);
    expect(hello(session.handleOpen(5))).toMatchObject({ predecessor: before });
    expect(session.predecessorForRejoin).toEqual(before);
    session.handleText(joined, 6);
    expect(session.predecessorForRejoin).toEqual({ participant, resume_token });
    session.handleClosed(7);
    session.handleTimeout(1_000);
    expect(hello(session.handleOpen(1_000))).toMatchObject({
      predecessor: null,
      resume: { participant },
    });
  });

  it('resumes at once after a broken socket, from the last delta and log entry', () => {
    const session = joinedSession();
    session.handleText(left(seq + 1), 10);
    session.handleText(logged(seq + 2, log.position + 1), 20);
    expect(resumed(session, 30).resume).toEqual({
      participant,
      resume_token,
      seq: seq + 2,
      position: log.position + 1,
    });
  });

  it('waits longer each time, and gives up after the server has', () => {
    const session = joinedSession();
    let now = 0;
    const waits: number[] = [];
    for (;;) {
      const commands = session.handleClosed(now);
      if (commands[0]?.do === 'over') break;
      expect(kinds(commands)).toEqual(['reconnecting']);
      const due = session.timeout ?? 0;
      waits.push(due - now);
      now = due;
      session.handleTimeout(now);
    }
    expect(waits.slice(0, 4)).toEqual([0, 300, 700, 1500]);
    expect(now).toBeGreaterThan(RESUME_MS);
    expect(session.timeout).toBeUndefined();
  });

  it('starts with short delays again after a resume', () => {
    const session = joinedSession();
    resumed(session, 10);
    session.handleText(JSON.stringify({ topic: 'room', type: 'resumed', seq }), 20);
    session.handleClosed(30);
    expect(session.timeout).toBe(30);
  });

  it('resumes at once when the network changes or is back', () => {
    const session = joinedSession();
    expect(kinds(session.handleNetworkChange(10))).toEqual(['close', 'reconnecting', 'open']);
    session.handleClosed(20);
    expect(session.timeout).toBeGreaterThan(20);
    expect(kinds(session.handleNetworkChange(21))).toEqual(['open']);
    expect(session.handleNetworkChange(22)).toEqual([]);
  });

  it('treats a silent socket as broken', () => {
    const session = joinedSession();
    session.handleText('{"topic":"control","type":"heartbeat_echo"}', 5000);
    expect(session.handleTimeout(HEARTBEAT_TIMEOUT_MS)).toEqual([]);
    expect(kinds(session.handleTimeout(5000 + HEARTBEAT_TIMEOUT_MS))).toEqual([
      'close',
      'reconnecting',
    ]);
  });

  it('resumes when a delta is missing, and ignores one that it has seen', () => {
    const session = joinedSession();
    expect(kinds(session.handleText(left(seq + 1), 0))).toEqual(['deliver']);
    expect(session.handleText(left(seq + 1), 0)).toEqual([]);
    expect(kinds(session.handleText(left(seq + 3), 0))).toEqual(['close', 'reconnecting']);
  });

  it('continues from a snapshot', () => {
    const session = joinedSession();
    const snapshot = JSON.parse(fixture('server.snapshot')) as {
      seq: number;
      log: { entries: { position: number }[] };
    };
    session.handleText(JSON.stringify({ ...snapshot, seq: seq + 40 }), 0);
    expect(kinds(session.handleText(left(seq + 41), 0))).toEqual(['deliver']);
    const position = Math.max(log.position, snapshot.log.entries.at(-1)?.position ?? 0);
    expect(resumed(session, 1).resume).toMatchObject({ seq: seq + 41, position });
  });

  it('is over when the server closes it with a reason', () => {
    const session = joinedSession();
    session.handleText(closing('superseded'), 0);
    expect(session.handleClosed(1)).toMatchObject([
      { do: 'over', refusal: { code: 'superseded' } },
    ]);
  });

  it('resumes after the storage was unavailable', () => {
    const session = joinedSession();
    session.handleText(closing('storage_unavailable'), 0);
    expect(kinds(session.handleClosed(1))).toEqual(['reconnecting']);
  });

  it('is over when the first socket fails', () => {
    const session = new SignalingSession('token', () => 1);
    session.start(0);
    expect(session.handleClosed(1)).toEqual([{ do: 'over', refusal: undefined }]);
  });

  it('ignores malformed messages', () => {
    const session = joinedSession();
    for (const text of ['', 'null', '{"topic":"room","type":"delta","seq":"x"}']) {
      expect(session.handleText(text, 0)).toEqual([]);
    }
    expect(kinds(session.handleText(left(seq + 1), 0))).toEqual(['deliver']);
  });
});

/** A session in the lobby since time 0. */
function lobbySession(): SignalingSession {
  const session = new SignalingSession('token', () => 1);
  session.start(0);
  session.handleOpen(0);
  expect(kinds(session.handleText('{"topic":"room","type":"waiting"}', 0))).toEqual(['deliver']);
  return session;
}

describe('a session in the lobby', () => {
  it('sends heartbeats, and continues while they are answered', () => {
    const session = lobbySession();
    let now = 0;
    for (let beats = 0; beats < 10; beats += 1) {
      now = session.timeout ?? Number.NaN;
      const [beat] = session.handleTimeout(now);
      expect(beat).toEqual({ do: 'send', text: '{"type":"heartbeat","position":0}' });
      session.handleText('{"topic":"control","type":"heartbeat_echo"}', now);
    }
    expect(now).toBe(50_000);
  });

  it('notices a dead connection', () => {
    const session = lobbySession();
    session.handleTimeout(5000);
    session.handleTimeout(10_000);
    expect(kinds(session.handleTimeout(HEARTBEAT_TIMEOUT_MS))).toEqual(['close', 'over']);
  });

  it('joins once it is admitted, and resumes as a participant', () => {
    const session = lobbySession();
    expect(kinds(session.handleText(joined, 5000))).toEqual(['deliver']);
    expect(resumed(session, 6000).resume).toMatchObject({ participant });
  });
});
