import { describe, expect, it } from 'vitest';
import type { Refusal } from '../signaling/protocol.gen';
import { refusalSentence } from './error_messages';

const full = (wait: number | null): Refusal => ({
  code: 'server_full',
  message: 'why',
  current: null,
  retry_after_seconds: wait,
  message_id: null,
});

describe('what a person reads of a refusal', () => {
  it('is when to try again, of a server with too much to do', () => {
    expect(refusalSentence(full(20))).toEqual({
      key: 'refusal.server_busy',
      values: { seconds: 20 },
    });
  });

  it('is no time, of a server that stays full', () => {
    for (const wait of [null, 600]) {
      expect(refusalSentence(full(wait))).toMatchObject({ key: 'refusal.server_full' });
    }
  });
});
