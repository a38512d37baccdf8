/** The chat, raised hands and reactions as a pure fold over the group's application messages. All
 * of them are end-to-end encrypted; names come from the senders' certificates. */

import type { Content, Message } from '../../e2ee/messages';

export interface ChatLine {
  /** The message id; a local key while the message is being sent. */
  key: string;
  participant: number;
  name: string;
  own: boolean;
  text: string;
  /** When it was received, or written for an own line, in ms. */
  at: number;
  state: 'delivered' | 'sending' | 'failed';
}

export interface Reaction {
  key: string;
  name: string;
  emoji: string;
  at: number;
}

export interface ChatState {
  lines: readonly ChatLine[];
  /** Participants with a raised hand, first raised first. */
  hands: readonly number[];
  /** Reactions of the last `REACTION_MS`. */
  reactions: readonly Reaction[];
}

export const emptyChat: ChatState = { lines: [], hands: [], reactions: [] };

/** Lines kept; older ones are dropped. */
export const MAX_LINES = 1000;
/** How long a reaction is shown. */
export const REACTION_MS = 5000;
/** Reactions shown at once. */
const MAX_REACTIONS = 24;

const localKey = (sendId: number): string => `sending ${sendId}`;

/** Adds a message that every member receives in the same order. */
export function addMessage(chat: ChatState, message: Message, now: number): ChatState {
  const { id, participant, name, own, content } = message;
  switch (content.kind) {
    case 'chat': {
      const line: ChatLine = {
        key: id,
        participant,
        name,
        own,
        text: content.text,
        at: now,
        state: 'delivered',
      };
      const others = chat.lines.filter((one) => one.key !== id);
      // Lines that are still being sent stay last.
      const end = others.findIndex((one) => one.state !== 'delivered');
      const lines = others.toSpliced(end < 0 ? others.length : end, 0, line);
      return { ...chat, lines: lines.slice(-MAX_LINES) };
    }
    case 'reaction': {
      const reaction = { key: id, name, emoji: content.emoji, at: now };
      return { ...chat, reactions: [...recent(chat, now), reaction].slice(-MAX_REACTIONS) };
    }
    case 'hand': {
      const others = chat.hands.filter((one) => one !== participant);
      if (!content.raised) return { ...chat, hands: others };
      return chat.hands.includes(participant) ? chat : { ...chat, hands: [...others, participant] };
    }
  }
}

/** Adds an own chat line before it is delivered. */
export function addPending(
  chat: ChatState,
  sendId: number,
  content: Content,
  now: number,
): ChatState {
  if (content.kind !== 'chat') return chat;
  const line: ChatLine = {
    key: localKey(sendId),
    participant: 0,
    name: '',
    own: true,
    text: content.text,
    at: now,
    state: 'sending',
  };
  return { ...chat, lines: [...chat.lines, line].slice(-MAX_LINES) };
}

/** Gives an own line the message id under which it will be delivered. */
export function assignId(chat: ChatState, sendId: number, id: string): ChatState {
  return replaceLine(chat, sendId, (line) => ({ ...line, key: id }));
}

/** Marks an own line as failed. */
export function markFailed(chat: ChatState, sendId: number): ChatState {
  return replaceLine(chat, sendId, (line) => ({ ...line, state: 'failed' }));
}

/** Lowers the hands of participants who are no longer members. */
export function retainMembers(chat: ChatState, members: readonly number[]): ChatState {
  const hands = chat.hands.filter((one) => members.includes(one));
  return hands.length === chat.hands.length ? chat : { ...chat, hands };
}

/** Removes reactions older than `REACTION_MS`. */
export function expireReactions(chat: ChatState, now: number): ChatState {
  const reactions = recent(chat, now);
  return reactions.length === chat.reactions.length ? chat : { ...chat, reactions };
}

function recent(chat: ChatState, now: number): Reaction[] {
  return chat.reactions.filter((one) => now - one.at < REACTION_MS);
}

function replaceLine(
  chat: ChatState,
  sendId: number,
  change: (line: ChatLine) => ChatLine,
): ChatState {
  const key = localKey(sendId);
  return { ...chat, lines: chat.lines.map((line) => (line.key === key ? change(line) : line)) };
}
