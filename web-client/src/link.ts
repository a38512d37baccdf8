/** Meeting links: `/<room>#v1.<secret>`, or `/<room>#v1p.<secret>.<check>` for one that is protected
 * by a passphrase. Browsers never send the part after `#` to a server. */

import { type Sentence, sentence } from './i18n/i18n';

const ROOM = /^[A-Za-z0-9_-]{22}$/;
const FRAGMENT = /^v1(?<protected>p)?\.[A-Za-z0-9_-]{43}(?<check>\.[A-Za-z0-9_-]{4})?$/;

/** The longest passphrase. */
export const PASSPHRASE_CHARS = 256;

export interface MeetingLink {
  /** The room id, which the server knows. */
  room: string;
  /** The fragment with the link secret, which the server never gets. */
  fragment: string;
  /** It needs a passphrase. */
  protected: boolean;
}

export type ParsedLink =
  | { kind: 'none' }
  /** The self-test. */
  | { kind: 'self_test' }
  | { kind: 'meeting'; link: MeetingLink }
  | { kind: 'broken'; why: Sentence };

/** Parses the address of the page. */
export function parseLink(address: { pathname: string; hash: string }): ParsedLink {
  const room = address.pathname.replace(/^\/+|\/+$/g, '');
  if (room === '') return { kind: 'none' };
  if (room === 'check') return { kind: 'self_test' };
  const fragment = address.hash.replace(/^#/, '');
  if (!ROOM.test(room)) return { kind: 'broken', why: sentence('link.unknown') };
  if (fragment === '') return { kind: 'broken', why: sentence('link.no_key') };
  const parts = FRAGMENT.exec(fragment)?.groups;
  const isProtected = parts?.['protected'] !== undefined;
  if (parts === undefined || isProtected !== (parts['check'] !== undefined)) {
    return { kind: 'broken', why: sentence('link.damaged') };
  }
  return { kind: 'meeting', link: { room, fragment, protected: isProtected } };
}

/** Returns a fragment with a new link secret of 32 random bytes. */
export function newFragment(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const base64 = btoa(String.fromCharCode(...bytes));
  return `v1.${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`;
}

/** Returns the link secret of a fragment: 43 base64url characters. */
export function linkSecret(fragment: string): string {
  return fragment.split('.')[1] ?? '';
}

/** Returns the path and fragment of a meeting. */
export function linkPath(link: Pick<MeetingLink, 'room' | 'fragment'>): string {
  return `/${link.room}#${link.fragment}`;
}
