import { describe, expect, it } from 'vitest';
import { type Appointment, createCalendarFile } from './ics';

const plain: Appointment = {
  uid: 'b4e1@orange-meets',
  title: 'Plan',
  text: 'Come',
  url: 'https://meet.example/room#v1.key',
  start: new Date('2026-12-01T09:30:00Z'),
  minutes: 45,
  now: new Date('2026-11-26T20:00:00Z'),
};

/** The properties of the file, unfolded, as a calendar reads them. */
function read(file: string): Map<string, string> {
  const lines = file.replaceAll('\r\n ', '').trimEnd().split('\r\n');
  return new Map(
    lines.map((line) => [line.split(':')[0] ?? '', line.slice(line.indexOf(':') + 1)]),
  );
}

describe('a calendar file', () => {
  it('has a start, an end and the link as its location', () => {
    const file = createCalendarFile(plain);
    expect(file.startsWith('BEGIN:VCALENDAR\r\nVERSION:2.0\r\n')).toBe(true);
    expect(file.endsWith('END:VEVENT\r\nEND:VCALENDAR\r\n')).toBe(true);
    expect(Object.fromEntries(read(file))).toMatchObject({
      UID: plain.uid,
      DTSTAMP: '20261126T200000Z',
      DTSTART: '20261201T093000Z',
      DTEND: '20261201T101500Z',
      SUMMARY: 'Plan',
      LOCATION: plain.url,
      URL: plain.url,
    });
  });

  it('escapes text', () => {
    const title = 'Tea; cake, \\o/\r\nATTENDEE:mailto:x@y\u0007';
    const file = createCalendarFile({ ...plain, title });
    expect(read(file).get('SUMMARY')).toBe(
      String.raw`Tea\; cake\, \\o/\nATTENDEE:mailto:x@y` + ' ',
    );
    expect(file).not.toContain('\r\nATTENDEE');
  });

  it('folds lines at 75 octets without splitting a character', () => {
    const title = 'Frühstück 🥐 '.repeat(20);
    const file = createCalendarFile({ ...plain, title });
    for (const line of file.split('\r\n')) {
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
    }
    expect(file).not.toContain('\uFFFD');
    expect(read(file).get('SUMMARY')).toBe(title);
  });
});
