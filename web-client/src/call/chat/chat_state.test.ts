import { describe, expect, it } from 'vitest';
import type { Content, Message } from '../../e2ee/messages';
import {
  addMessage,
  addPending,
  assignId,
  emptyChat,
  expireReactions,
  markFailed,
  MAX_LINES,
  REACTION_MS,
  retainMembers,
} from './chat_state';

let next = 0;
const message = (content: Content, over: Partial<Message> = {}): Message => {
  next += 1;
  return { id: `id ${next}`, leaf: 0, participant: 1, name: 'Ada', own: false, content, ...over };
};
const hand = (participant: number, raised: boolean): Message =>
  message({ kind: 'hand', raised }, { participant });
const chat = (text: string): Content => ({ kind: 'chat', text });

describe('the chat', () => {
  it('shows an own message at once and marks it until it is delivered', () => {
    let now = addPending(emptyChat, 1, chat('hello'), 0);
    expect(now.lines).toMatchObject([{ text: 'hello', state: 'sending', own: true }]);
    now = assignId(now, 1, 'mine');
    now = addMessage(now, message(chat('from Bob'), { name: 'Bob' }), 1);
    expect(now.lines.map((line) => line.text)).toEqual(['from Bob', 'hello']);
    now = addMessage(now, message(chat('hello'), { id: 'mine', own: true }), 2);
    expect(now.lines.map((line) => [line.text, line.state])).toEqual([
      ['from Bob', 'delivered'],
      ['hello', 'delivered'],
    ]);
  });

  it('marks a message that cannot be sent', () => {
    const now = markFailed(addPending(emptyChat, 1, chat(''), 0), 1);
    expect(now.lines).toMatchObject([{ state: 'failed' }]);
  });

  it('keeps raised hands in order, and those of members only', () => {
    let now = addMessage(addMessage(emptyChat, hand(3, true), 0), hand(1, true), 0);
    now = addMessage(now, hand(3, true), 0);
    expect(now.hands).toEqual([3, 1]);
    expect(retainMembers(now, [1, 2]).hands).toEqual([1]);
    expect(addMessage(now, hand(3, false), 0).hands).toEqual([1]);
  });

  it('removes reactions after a moment', () => {
    const now = addMessage(emptyChat, message({ kind: 'reaction', emoji: '🎉' }), 100);
    expect(expireReactions(now, 100 + REACTION_MS - 1).reactions).toHaveLength(1);
    expect(expireReactions(now, 100 + REACTION_MS).reactions).toHaveLength(0);
  });

  it('keeps a bounded number of lines', () => {
    let now = emptyChat;
    for (let n = 0; n < MAX_LINES + 5; n += 1) now = addMessage(now, message(chat(`${n}`)), n);
    expect(now.lines).toHaveLength(MAX_LINES);
    expect(now.lines.at(-1)?.text).toBe(`${MAX_LINES + 4}`);
  });
});
