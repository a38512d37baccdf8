import { describe, expect, it } from 'vitest';
import type { Rules } from '../../signaling/protocol.gen';
import { updateRules, initialRules } from './rules';

const locked: Rules = { join_policy: 'locked', hosts: [1, 4] };

describe('the rules of a room', () => {
  it('are those of the newest snapshot', () => {
    const snapshot = { type: 'snapshot' as const, seq: 3, log: { entries: [] } };
    const room = { participants: [], rules: locked, disconnected: [] };
    expect(updateRules(initialRules, { ...snapshot, room })).toEqual(locked);
  });

  it('change with a rules delta and with no other message', () => {
    const changed = { change: 'rules_changed', ...locked } as const;
    expect(updateRules(initialRules, { type: 'delta', seq: 1, delta: changed })).toEqual(locked);
    const left = { change: 'participant_left', participant: 4 } as const;
    expect(updateRules(locked, { type: 'delta', seq: 2, delta: left })).toBe(locked);
    expect(updateRules(locked, { type: 'waiting' })).toBe(locked);
  });
});
