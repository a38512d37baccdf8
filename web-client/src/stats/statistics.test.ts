import { describe, expect, it } from 'vitest';
import { connectionQualities } from './quality';
import { emptyStatistics, type Entry, type StreamStatistics, updateStatistics } from './statistics';

const lines = new Map([
  ['1', 'camera'],
  ['5', 'video 0'],
]);

function report(at: number, of: { bytes: number; packets: number; lost: number }): Entry[] {
  return [
    { id: 'C1', type: 'codec', mimeType: 'video/VP9' },
    {
      id: 'I1',
      type: 'inbound-rtp',
      kind: 'video',
      mid: '5',
      codecId: 'C1',
      timestamp: at,
      bytesReceived: of.bytes,
      packetsReceived: of.packets,
      packetsLost: of.lost,
      frameWidth: 640,
      frameHeight: 360,
      framesPerSecond: 15,
      jitter: 0.012,
    },
    { id: 'I2', type: 'inbound-rtp', kind: 'video', mid: '99', timestamp: at, bytesReceived: 9 },
    { id: 'P1', type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.05 },
  ];
}

describe('two reports', () => {
  const first = updateStatistics(
    report(1000, { bytes: 1000, packets: 10, lost: 0 }),
    emptyStatistics,
    lines,
  );
  const second = updateStatistics(
    report(3000, { bytes: 26_000, packets: 90, lost: 20 }),
    first,
    lines,
  );

  it('give a bitrate and a loss', () => {
    expect(second.inbound).toEqual([
      {
        line: 'video 0',
        kind: 'video',
        bitsPerSecond: 100_000,
        loss: 0.2,
        codec: 'VP9',
        width: 640,
        height: 360,
        framesPerSecond: 15,
        jitterMs: 12,
        limitedBy: undefined,
      },
    ]);
    expect(second.roundTripMs).toBe(50);
  });

  it('omit unknown streams and idle ones', () => {
    const third = updateStatistics(
      report(5000, { bytes: 26_000, packets: 90, lost: 20 }),
      second,
      lines,
    );
    expect(third.inbound).toEqual([]);
  });

  it('smooth the loss', () => {
    const third = updateStatistics(
      report(5000, { bytes: 52_000, packets: 190, lost: 20 }),
      second,
      lines,
    );
    expect(third.inbound[0]?.loss).toBeCloseTo(0.1);
    const fourth = updateStatistics(
      report(7000, { bytes: 78_000, packets: 270, lost: 40 }),
      third,
      lines,
    );
    expect(fourth.inbound[0]?.loss).toBeCloseTo(0.15);
  });

  it("rate a member's connection by the loss", () => {
    const labels = new Map([['video 0', { leaf: 3, context: 1 }]]);
    expect(connectionQualities(second, labels).members).toEqual(new Map([[3, 'poor']]));
  });

  it('tolerate missing and malformed fields', () => {
    const odd: Entry[] = [{}, { id: 5, type: 'inbound-rtp', kind: 'video', mid: '5' }];
    expect(updateStatistics(odd, emptyStatistics, lines).inbound).toEqual([]);
    expect(
      connectionQualities(updateStatistics(odd, emptyStatistics, lines), new Map()).own,
    ).toBeUndefined();
  });
});

describe('the own connection', () => {
  it.each([
    [0.05, 'good'],
    [0.4, 'fair'],
    [0.9, 'poor'],
  ])('with a round trip of %d s is %s', (currentRoundTripTime, quality) => {
    const pair = { id: 'P', type: 'candidate-pair', nominated: true, currentRoundTripTime };
    expect(
      connectionQualities(updateStatistics([pair], emptyStatistics, lines), new Map()).own,
    ).toBe(quality);
  });
});

const stream = (line: string, loss: number): StreamStatistics => ({
  line,
  kind: 'audio',
  bitsPerSecond: 30_000,
  loss,
  codec: 'opus',
  width: undefined,
  height: undefined,
  framesPerSecond: undefined,
  jitterMs: undefined,
  limitedBy: undefined,
});

describe('packet loss', () => {
  const labels = new Map([
    ['audio 0', { leaf: 3, context: 0 }],
    ['audio 1', { leaf: 4, context: 0 }],
  ]);
  const qualitiesOf = (...inbound: StreamStatistics[]) =>
    connectionQualities({ ...emptyStatistics, inbound, roundTripMs: 20 }, labels);

  it('of one member is attributed to that member', () => {
    const { members, own } = qualitiesOf(stream('audio 0', 0.25), stream('audio 1', 0.01));
    expect([...members]).toEqual([
      [3, 'poor'],
      [4, 'good'],
    ]);
    expect(own).toBe('good');
  });

  it('of all members alike is attributed to the own connection', () => {
    const { members, own } = qualitiesOf(stream('audio 0', 0.25), stream('audio 1', 0.24));
    expect([...members.values()]).toEqual(['good', 'good']);
    expect(own).toBe('poor');
  });

  it('of a single member is attributed to that member', () => {
    const { members, own } = qualitiesOf(stream('audio 0', 0.25));
    expect([...members.values()]).toEqual(['poor']);
    expect(own).toBe('good');
  });
});
