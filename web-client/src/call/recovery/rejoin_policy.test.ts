import { describe, expect, it } from 'vitest';
import { isRetryable, MAX_DELAY_MS, MAX_FAILED_JOINS, RejoinPolicy } from './rejoin_policy';

describe('the rejoin policy', () => {
  it('keeps trying while the network is down, with growing delays', () => {
    const policy = new RejoinPolicy();
    const waits = Array.from({ length: 100 }, () => policy.nextDelay('unreachable'));
    expect(waits.slice(0, 3)).toEqual([500, 1000, 1500]);
    expect(waits.at(-1)).toBe(MAX_DELAY_MS);
  });

  it('gives up after repeated joins that do not become a call', () => {
    const policy = new RejoinPolicy();
    for (let n = 0; n < MAX_FAILED_JOINS; n += 1) expect(policy.nextDelay('lost')).toBeDefined();
    expect(policy.nextDelay('lost')).toBeUndefined();
  });

  it('starts counting anew once the call is live', () => {
    const policy = new RejoinPolicy();
    for (let n = 0; n < MAX_FAILED_JOINS; n += 1) policy.nextDelay('lost');
    policy.reset();
    expect(policy.nextDelay('lost')).toBe(500);
  });

  it('waits as long as the server asks', () => {
    const code = 'storage_unavailable';
    const refusal = {
      code,
      message: '',
      current: null,
      retry_after_seconds: 30,
      message_id: null,
    } as const;
    expect(new RejoinPolicy().nextDelay('lost', refusal)).toBe(30_000);
    expect(isRetryable(refusal)).toBe(true);
    expect(isRetryable({ ...refusal, code: 'room_full' })).toBe(false);
  });
});
