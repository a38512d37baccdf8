import { describe, expect, it } from 'vitest';
import type { Moderation } from '../../signaling/protocol.gen';
import { ModerationOutbox } from './moderation_outbox';

const lock: Moderation = { action: 'set_join_policy', join_policy: 'locked' };
const open: Moderation = { action: 'set_join_policy', join_policy: 'open' };
const remove: Moderation = { action: 'remove', participant: 4 };

describe('the moderation outbox', () => {
  it('resends actions when the socket breaks before two heartbeat echoes', () => {
    const outbox = new ModerationOutbox();
    outbox.add(lock);
    outbox.handleHeartbeatEcho();
    outbox.add(remove);
    expect(outbox.takeForResend()).toEqual([lock, remove]);
    expect(outbox.takeForResend()).toEqual([lock, remove]);
  });

  it('drops actions after two heartbeat echoes', () => {
    const outbox = new ModerationOutbox();
    outbox.add(lock);
    outbox.handleHeartbeatEcho();
    outbox.add(remove);
    outbox.handleHeartbeatEcho();
    expect(outbox.takeForResend()).toEqual([remove]);
    outbox.handleHeartbeatEcho();
    outbox.handleHeartbeatEcho();
    expect(outbox.takeForResend()).toEqual([]);
  });

  it('keeps the last of several actions about the same subject', () => {
    const outbox = new ModerationOutbox();
    outbox.add({ action: 'admit', lobby_participant: 2 });
    outbox.add(lock);
    outbox.add({ action: 'deny', lobby_participant: 2 });
    outbox.add(open);
    expect(outbox.takeForResend()).toEqual([{ action: 'deny', lobby_participant: 2 }, open]);
  });

  it('keeps a bounded number of actions', () => {
    const outbox = new ModerationOutbox();
    for (let n = 0; n < 100; n += 1) outbox.add({ action: 'admit', lobby_participant: n });
    expect(outbox.takeForResend()).toHaveLength(32);
  });
});
