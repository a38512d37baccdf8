/** An appointment as a file for any calendar (RFC 5545), made here: nobody is asked for it. */

export interface Appointment {
  /** Never the same for two appointments. */
  uid: string;
  title: string;
  text: string;
  /** Shown as the place, which most calendars make a link of. */
  url: string;
  start: Date;
  minutes: number;
  /** When it is written. */
  now: Date;
}

/** Octets of a line (section 3.1). */
const LINE = 75;

export function ics({ uid, title, text, url, start, minutes, now }: Appointment): string {
  const end = new Date(start.getTime() + minutes * 60_000);
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Orange Meets//Web client//EN',
    'BEGIN:VEVENT',
    `UID:${uid}`,
    `DTSTAMP:${time(now)}`,
    `DTSTART:${time(start)}`,
    `DTEND:${time(end)}`,
    `SUMMARY:${escaped(title)}`,
    `DESCRIPTION:${escaped(text)}`,
    `LOCATION:${escaped(url)}`,
    // A URI is written as it is (section 3.3.13).
    `URL:${url}`,
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  return lines.map((line) => `${folded(line)}\r\n`).join('');
}

/** A moment, in UTC (section 3.3.5). */
function time(at: Date): string {
  return `${at.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** Text (section 3.3.11). No other control character is allowed in it. */
function escaped(text: string): string {
  return text
    .replaceAll(/[\\;,]/g, String.raw`\$&`)
    .replaceAll(/\r\n|\r|\n/g, String.raw`\n`)
    .replaceAll(/\p{Cc}/gu, ' ');
}

/** A line in pieces, each but the first after a space; no character is torn apart. */
function folded(line: string): string {
  const pieces: string[] = [];
  let piece = '';
  let octets = 0;
  for (const character of line) {
    const size = new TextEncoder().encode(character).length;
    if (octets + size > LINE) {
      pieces.push(piece);
      [piece, octets] = ['', 1];
    }
    piece += character;
    octets += size;
  }
  return [...pieces, piece].join('\r\n ');
}
