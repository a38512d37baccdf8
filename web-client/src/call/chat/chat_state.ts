/** What was said in the call while one is in it: a pure fold over what the encryption opens. Chat,
 * raised hands and reactions are end-to-end encrypted; the names are those of the certificates. */

import type { Content, Message } from '../../e2ee/messages';

export interface Line {
  /** The message's id; while it is on its way, its number. */
  key: string;
  participant: number;
  name: string;
  own: boolean;
  text: string;
  /** When it was read, in ms. */
  at: number;
  state: 'read' | 'sending' | 'failed';
}

export interface Reaction {
  key: string;
  name: string;
  emoji: string;
  at: number;
}

export interface Chat {
  lines: readonly Line[];
  /** Participants with a hand up, in the order in which it went up. */
  hands: readonly number[];
  /** The reactions of the last seconds. */
  reactions: readonly Reaction[];
}

export const quiet: Chat = { lines: [], hands: [], reactions: [] };

/** Lines kept; older ones are forgotten. */
export const LINES = 1000;
/** How long a reaction is shown. */
export const REACTION_MS = 5000;
/** Reactions shown at once. */
const REACTIONS = 24;

const keyOf = (saying: number): string => `saying ${saying}`;

/** Something was read, by everybody at the same place. */
export function read(chat: Chat, message: Message, now: number): Chat {
  const { id, participant, name, own, content } = message;
  switch (content.kind) {
    case 'chat': {
      const line: Line = {
        key: id,
        participant,
        name,
        own,
        text: content.text,
        at: now,
        state: 'read',
      };
      const others = chat.lines.filter((one) => one.key !== id);
      // What is still on its way stays last.
      const here = others.findIndex((one) => one.state !== 'read');
      const lines = others.toSpliced(here < 0 ? others.length : here, 0, line);
      return { ...chat, lines: lines.slice(-LINES) };
    }
    case 'reaction': {
      const reaction = { key: id, name, emoji: content.emoji, at: now };
      return { ...chat, reactions: [...fresh(chat, now), reaction].slice(-REACTIONS) };
    }
    case 'hand': {
      const others = chat.hands.filter((one) => one !== participant);
      if (!content.raised) return { ...chat, hands: others };
      return chat.hands.includes(participant) ? chat : { ...chat, hands: [...others, participant] };
    }
  }
}

/** Own words are shown at once, and marked until everybody can read them. */
export function sending(chat: Chat, saying: number, content: Content, now: number): Chat {
  if (content.kind !== 'chat') return chat;
  const line: Line = {
    key: keyOf(saying),
    participant: 0,
    name: '',
    own: true,
    text: content.text,
    at: now,
    state: 'sending',
  };
  return { ...chat, lines: [...chat.lines, line].slice(-LINES) };
}

/** The words have the id by which they will be read. */
export function said(chat: Chat, saying: number, id: string): Chat {
  return replace(chat, saying, (line) => ({ ...line, key: id }));
}

/** The words cannot be said. */
export function unsaid(chat: Chat, saying: number): Chat {
  return replace(chat, saying, (line) => ({ ...line, state: 'failed' }));
}

/** Who is not a member any more has no hand. */
export function stay(chat: Chat, members: readonly number[]): Chat {
  const hands = chat.hands.filter((one) => members.includes(one));
  return hands.length === chat.hands.length ? chat : { ...chat, hands };
}

/** Time has passed: old reactions are gone. */
export function settle(chat: Chat, now: number): Chat {
  const reactions = fresh(chat, now);
  return reactions.length === chat.reactions.length ? chat : { ...chat, reactions };
}

function fresh(chat: Chat, now: number): Reaction[] {
  return chat.reactions.filter((one) => now - one.at < REACTION_MS);
}

function replace(chat: Chat, saying: number, change: (line: Line) => Line): Chat {
  const key = keyOf(saying);
  return { ...chat, lines: chat.lines.map((line) => (line.key === key ? change(line) : line)) };
}
