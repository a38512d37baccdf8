/** Creates a calendar file (RFC 5545) for an appointment. */

export interface Appointment {
  /** Globally unique. */
  uid: string;
  title: string;
  text: string;
  /** Also used as the location, which most calendars show as a link. */
  url: string;
  start: Date;
  minutes: number;
  /** When the file is created. */
  now: Date;
}

/** The longest line in octets (section 3.1). */
const MAX_OCTETS = 75;

/** Returns the content of the file. */
export function createCalendarFile({
  uid,
  title,
  text,
  url,
  start,
  minutes,
  now,
}: Appointment): string {
  const end = new Date(start.getTime() + minutes * 60_000);
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Orange Meets//Web client//EN',
    'BEGIN:VEVENT',
    `UID:${uid}`,
    `DTSTAMP:${formatTime(now)}`,
    `DTSTART:${formatTime(start)}`,
    `DTEND:${formatTime(end)}`,
    `SUMMARY:${escapeText(title)}`,
    `DESCRIPTION:${escapeText(text)}`,
    `LOCATION:${escapeText(url)}`,
    // URIs are not escaped (section 3.3.13).
    `URL:${url}`,
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  return lines.map((line) => `${foldLine(line)}\r\n`).join('');
}

/** Formats a time in UTC (section 3.3.5). */
function formatTime(at: Date): string {
  return `${at.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** Escapes text (section 3.3.11); other control characters are not allowed in it. */
function escapeText(text: string): string {
  return text
    .replaceAll(/[\\;,]/g, String.raw`\$&`)
    .replaceAll(/\r\n|\r|\n/g, String.raw`\n`)
    .replaceAll(/\p{Cc}/gu, ' ');
}

/** Folds a line (section 3.1) without splitting a character. */
function foldLine(line: string): string {
  const pieces: string[] = [];
  let piece = '';
  let octets = 0;
  for (const character of line) {
    const size = new TextEncoder().encode(character).length;
    if (octets + size > MAX_OCTETS) {
      pieces.push(piece);
      [piece, octets] = ['', 1];
    }
    piece += character;
    octets += size;
  }
  return [...pieces, piece].join('\r\n ');
}
