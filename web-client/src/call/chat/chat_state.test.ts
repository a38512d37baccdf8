import { describe, expect, it } from 'vitest';
import type { Content, Message } from '../../e2ee/messages';
import { LINES, quiet, REACTION_MS, read, said, sending, settle, stay, unsaid } from './chat_state';

let next = 0;
const message = (content: Content, over: Partial<Message> = {}): Message => {
  next += 1;
  return { id: `id ${next}`, leaf: 0, participant: 1, name: 'Ada', own: false, content, ...over };
};
const hand = (participant: number, raised: boolean): Message =>
  message({ kind: 'hand', raised }, { participant });
const chat = (text: string): Content => ({ kind: 'chat', text });

describe('the chat', () => {
  it('shows own words at once and marks them until they are read', () => {
    let now = sending(quiet, 1, chat('hello'), 0);
    expect(now.lines).toMatchObject([{ text: 'hello', state: 'sending', own: true }]);
    now = said(now, 1, 'mine');
    now = read(now, message(chat('from Bob'), { name: 'Bob' }), 1);
    expect(now.lines.map((line) => line.text)).toEqual(['from Bob', 'hello']);
    now = read(now, message(chat('hello'), { id: 'mine', own: true }), 2);
    expect(now.lines.map((line) => [line.text, line.state])).toEqual([
      ['from Bob', 'read'],
      ['hello', 'read'],
    ]);
  });

  it('marks what cannot be said', () => {
    const now = unsaid(sending(quiet, 1, chat(''), 0), 1);
    expect(now.lines).toMatchObject([{ state: 'failed' }]);
  });

  it('keeps hands in the order in which they went up, and those of members only', () => {
    let now = read(read(quiet, hand(3, true), 0), hand(1, true), 0);
    now = read(now, hand(3, true), 0);
    expect(now.hands).toEqual([3, 1]);
    expect(stay(now, [1, 2]).hands).toEqual([1]);
    expect(read(now, hand(3, false), 0).hands).toEqual([1]);
  });

  it('lets reactions go after a moment', () => {
    const now = read(quiet, message({ kind: 'reaction', emoji: '🎉' }), 100);
    expect(settle(now, 100 + REACTION_MS - 1).reactions).toHaveLength(1);
    expect(settle(now, 100 + REACTION_MS).reactions).toHaveLength(0);
  });

  it('does not grow without bound', () => {
    let now = quiet;
    for (let n = 0; n < LINES + 5; n += 1) now = read(now, message(chat(`${n}`)), n);
    expect(now.lines).toHaveLength(LINES);
    expect(now.lines.at(-1)?.text).toBe(`${LINES + 4}`);
  });
});
