import { describe, expect, it } from 'vitest';
import type { Refusal } from '../signaling/protocol.gen';
import { refusalSentence } from './error_messages';

const full = (seconds: number | null): Refusal => ({
  code: 'server_full',
  message: 'why',
  current: null,
  retry_after_seconds: seconds,
  message_id: null,
});

describe('the message for a refusal', () => {
  it('says when to try again if the server is busy', () => {
    expect(refusalSentence(full(20))).toEqual({
      key: 'refusal.server_busy',
      values: { seconds: 20 },
    });
  });

  it('gives no time if the server stays full', () => {
    for (const wait of [null, 600]) {
      expect(refusalSentence(full(wait))).toMatchObject({ key: 'refusal.server_full' });
    }
  });
});
