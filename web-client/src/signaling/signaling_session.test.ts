import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Command, Conversation, RESUME_MS, SILENCE_MS } from './signaling_session';

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
  JSON.stringify({ type: 'delta', seq: at, delta: { change: 'participant_left', participant: 9 } });
const logged = (at: number, position: number): string =>
  JSON.stringify({
    type: 'delta',
    seq: at,
    delta: { change: 'log', entry: { position, event: { kind: 'departed', participant: 9 } } },
  });
const closing = (code: string): string =>
  JSON.stringify({
    type: 'closing',
    refusal: { code, message: 'why', current: null, retry_after_seconds: null, message_id: null },
  });

const kinds = (commands: Command[]): string[] => commands.map((command) => command.do);
const hello = (commands: Command[]): { token: string; resume: unknown; predecessor: unknown } => {
  const sent = commands.find((command) => command.do === 'send');
  return JSON.parse(sent?.text ?? '{}') as ReturnType<typeof hello>;
};

/** A conversation that has got as far as being a participant, at time 0. */
function talking(): Conversation {
  const conversation = new Conversation('token', () => 1);
  conversation.start(0);
  conversation.handleOpen(0);
  expect(kinds(conversation.handleText(joined, 0))).toEqual(['deliver']);
  return conversation;
}

/** The hello of the next socket after the present one broke. */
function resumed(conversation: Conversation, now: number): { resume: unknown } {
  conversation.handleClosed(now);
  expect(kinds(conversation.handleTimeout(now))).toEqual(['open']);
  return hello(conversation.handleOpen(now));
}

describe('a conversation with the server', () => {
  it('opens a socket and says hello with the token', () => {
    const conversation = new Conversation('token', () => 1);
    expect(kinds(conversation.start(0))).toEqual(['open']);
    expect(hello(conversation.handleOpen(5))).toMatchObject({ token: 'token', resume: null });
  });

  it('takes the place that a page has left behind, and leaves its own behind', () => {
    const before = { participant: 2, resume_token: 'of the page before' };
    const conversation = new Conversation('token', () => 1, before);
    conversation.start(0);
    expect(hello(conversation.handleOpen(5))).toMatchObject({ predecessor: before });
    expect(conversation.place).toEqual(before);
    conversation.handleText(joined, 6);
    expect(conversation.place).toEqual({ participant, resume_token });
    conversation.handleClosed(7);
    conversation.handleTimeout(1_000);
    expect(hello(conversation.handleOpen(1_000))).toMatchObject({
      predecessor: null,
      resume: { participant },
    });
  });

  it('comes back at once after a broken socket, from the last delta and log entry', () => {
    const conversation = talking();
    conversation.handleText(left(seq + 1), 10);
    conversation.handleText(logged(seq + 2, log.position + 1), 20);
    expect(resumed(conversation, 30).resume).toEqual({
      participant,
      resume_token,
      seq: seq + 2,
      position: log.position + 1,
    });
  });

  it('waits longer each time, and gives up when the server has', () => {
    const conversation = talking();
    let now = 0;
    const waits: number[] = [];
    for (;;) {
      const commands = conversation.handleClosed(now);
      if (commands[0]?.do === 'over') break;
      expect(kinds(commands)).toEqual(['reconnecting']);
      const due = conversation.timeout ?? 0;
      waits.push(due - now);
      now = due;
      conversation.handleTimeout(now);
    }
    expect(waits.slice(0, 4)).toEqual([0, 300, 700, 1500]);
    expect(now).toBeGreaterThan(RESUME_MS);
    expect(conversation.timeout).toBeUndefined();
  });

  it('begins with short waits again once it was back', () => {
    const conversation = talking();
    resumed(conversation, 10);
    conversation.handleText(JSON.stringify({ type: 'resumed', seq }), 20);
    conversation.handleClosed(30);
    expect(conversation.timeout).toBe(30);
  });

  it('resumes at once when the network changes, and stops waiting when it is back', () => {
    const conversation = talking();
    expect(kinds(conversation.handleNetworkChange(10))).toEqual(['close', 'reconnecting', 'open']);
    conversation.handleClosed(20);
    expect(conversation.timeout).toBeGreaterThan(20);
    expect(kinds(conversation.handleNetworkChange(21))).toEqual(['open']);
    expect(conversation.handleNetworkChange(22)).toEqual([]);
  });

  it('takes a silent socket for a broken one', () => {
    const conversation = talking();
    conversation.handleText('{"type":"heartbeat_echo"}', 5000);
    expect(conversation.handleTimeout(SILENCE_MS)).toEqual([]);
    expect(kinds(conversation.handleTimeout(5000 + SILENCE_MS))).toEqual(['close', 'reconnecting']);
  });

  it('resumes when a delta is missing, and passes over one that it has seen', () => {
    const conversation = talking();
    expect(kinds(conversation.handleText(left(seq + 1), 0))).toEqual(['deliver']);
    expect(conversation.handleText(left(seq + 1), 0)).toEqual([]);
    expect(kinds(conversation.handleText(left(seq + 3), 0))).toEqual(['close', 'reconnecting']);
  });

  it('goes on from a snapshot', () => {
    const conversation = talking();
    const snapshot = JSON.parse(fixture('server.snapshot')) as {
      seq: number;
      log: { entries: { position: number }[] };
    };
    conversation.handleText(JSON.stringify({ ...snapshot, seq: seq + 40 }), 0);
    expect(kinds(conversation.handleText(left(seq + 41), 0))).toEqual(['deliver']);
    const position = Math.max(log.position, snapshot.log.entries.at(-1)?.position ?? 0);
    expect(resumed(conversation, 1).resume).toMatchObject({ seq: seq + 41, position });
  });

  it('is over when the server says why it closes', () => {
    const conversation = talking();
    conversation.handleText(closing('superseded'), 0);
    expect(conversation.handleClosed(1)).toMatchObject([
      { do: 'over', refusal: { code: 'superseded' } },
    ]);
  });

  it('comes back when only the store was away', () => {
    const conversation = talking();
    conversation.handleText(closing('storage_unavailable'), 0);
    expect(kinds(conversation.handleClosed(1))).toEqual(['reconnecting']);
  });

  it('is over when the first socket never got anywhere', () => {
    const conversation = new Conversation('token', () => 1);
    conversation.start(0);
    expect(conversation.handleClosed(1)).toEqual([{ do: 'over', refusal: undefined }]);
  });

  it('passes over what it cannot read', () => {
    const conversation = talking();
    for (const text of ['', 'null', '{"type":"delta","seq":"x"}']) {
      expect(conversation.handleText(text, 0)).toEqual([]);
    }
    expect(kinds(conversation.handleText(left(seq + 1), 0))).toEqual(['deliver']);
  });
});

/** A conversation that waits before the door since time 0. */
function waiting(): Conversation {
  const conversation = new Conversation('token', () => 1);
  conversation.start(0);
  conversation.handleOpen(0);
  expect(kinds(conversation.handleText('{"type":"waiting"}', 0))).toEqual(['deliver']);
  return conversation;
}

describe('somebody who waits before the door', () => {
  it('gives signs of life, and goes on for as long as they are answered', () => {
    const conversation = waiting();
    let now = 0;
    for (let beats = 0; beats < 10; beats += 1) {
      now = conversation.timeout ?? Number.NaN;
      const [beat] = conversation.handleTimeout(now);
      expect(beat).toEqual({ do: 'send', text: '{"type":"heartbeat","position":0}' });
      conversation.handleText('{"type":"heartbeat_echo"}', now);
    }
    expect(now).toBe(50_000);
  });

  it('notices a dead connection, and comes anew', () => {
    const conversation = waiting();
    conversation.handleTimeout(5000);
    conversation.handleTimeout(10_000);
    expect(kinds(conversation.handleTimeout(SILENCE_MS))).toEqual(['close', 'over']);
  });

  it('is a participant once let in, and resumes as one', () => {
    const conversation = waiting();
    expect(kinds(conversation.handleText(joined, 5000))).toEqual(['deliver']);
    expect(resumed(conversation, 6000).resume).toMatchObject({ participant });
  });
});
