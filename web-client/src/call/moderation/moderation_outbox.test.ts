import { describe, expect, it } from 'vitest';
import type { Moderation } from '../../signaling/protocol.gen';
import { Orders } from './moderation_outbox';

const lock: Moderation = { action: 'set_join_policy', join_policy: 'locked' };
const open: Moderation = { action: 'set_join_policy', join_policy: 'open' };
const remove: Moderation = { action: 'remove', participant: 4 };
const resumed = { type: 'resumed', seq: 9 } as const;
const echo = { type: 'heartbeat_echo' } as const;

describe('the orders of a host', () => {
  it('are said again when the socket broke before two signs of life', () => {
    const orders = new Orders();
    orders.add(lock);
    orders.hear(echo);
    orders.add(remove);
    expect(orders.hear(resumed)).toEqual([lock, remove]);
    expect(orders.hear(resumed)).toEqual([lock, remove]);
  });

  it('are heard once two signs of life came after them', () => {
    const orders = new Orders();
    orders.add(lock);
    orders.hear(echo);
    orders.add(remove);
    orders.hear(echo);
    expect(orders.hear(resumed)).toEqual([remove]);
    orders.hear(echo);
    orders.hear(echo);
    expect(orders.hear(resumed)).toEqual([]);
  });

  it('about the same are those said last', () => {
    const orders = new Orders();
    orders.add({ action: 'admit', lobby_participant: 2 });
    orders.add(lock);
    orders.add({ action: 'deny', lobby_participant: 2 });
    orders.add(open);
    expect(orders.hear(resumed)).toEqual([{ action: 'deny', lobby_participant: 2 }, open]);
  });

  it('do not pile up', () => {
    const orders = new Orders();
    for (let lobby_participant = 0; lobby_participant < 100; lobby_participant += 1)
      orders.add({ action: 'admit', lobby_participant });
    expect(orders.hear(resumed)).toHaveLength(32);
  });
});
