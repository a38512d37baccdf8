/** Meeting links: `/<room>#v1.<secret>`, or `/<room>#v1p.<secret>.<check>` where a passphrase is
 * asked for on top. What stands after `#` never leaves the browser. */

import { type Sentence, sentence } from './i18n/i18n';

const ROOM = /^[A-Za-z0-9_-]{22}$/;
const FRAGMENT = /^v1(?<locked>p)?\.[A-Za-z0-9_-]{43}(?<check>\.[A-Za-z0-9_-]{4})?$/;

/** The longest passphrase. */
export const PASSPHRASE_CHARS = 256;

export interface MeetingLink {
  /** The room id: the server knows it. */
  room: string;
  /** The fragment with the link secret: the server never gets it. */
  fragment: string;
  /** It opens with a passphrase only. */
  locked: boolean;
}

export type ParsedLink =
  | { kind: 'none' }
  /** The self test. */
  | { kind: 'check' }
  | { kind: 'meeting'; link: MeetingLink }
  | { kind: 'broken'; why: Sentence };

/** What an address asks for. */
export function parseLink(address: { pathname: string; hash: string }): ParsedLink {
  const room = address.pathname.replace(/^\/+|\/+$/g, '');
  if (room === '') return { kind: 'none' };
  if (room === 'check') return { kind: 'check' };
  const fragment = address.hash.replace(/^#/, '');
  if (!ROOM.test(room)) return { kind: 'broken', why: sentence('link.unknown') };
  if (fragment === '') return { kind: 'broken', why: sentence('link.no_key') };
  const parts = FRAGMENT.exec(fragment)?.groups;
  const locked = parts?.['locked'] !== undefined;
  if (parts === undefined || locked !== (parts['check'] !== undefined)) {
    return { kind: 'broken', why: sentence('link.damaged') };
  }
  return { kind: 'meeting', link: { room, fragment, locked } };
}

/** A fresh link secret: 32 random bytes. */
export function newFragment(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const base64 = btoa(String.fromCharCode(...bytes));
  return `v1.${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`;
}

/** The link secret in a fragment: 43 base64url characters. */
export function linkSecret(fragment: string): string {
  return fragment.split('.')[1] ?? '';
}

/** The path and fragment of a meeting. */
export function linkPath(link: Pick<MeetingLink, 'room' | 'fragment'>): string {
  return `/${link.room}#${link.fragment}`;
}
