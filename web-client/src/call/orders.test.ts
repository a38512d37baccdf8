import { describe, expect, it } from 'vitest';
import type { Moderation } from '../signaling/protocol.gen';
import { Orders } from './orders';

const lock: Moderation = { action: 'set_door', door: 'locked' };
const open: Moderation = { action: 'set_door', door: 'open' };
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
    orders.add({ action: 'admit', visitor: 2 });
    orders.add(lock);
    orders.add({ action: 'turn_away', visitor: 2 });
    orders.add(open);
    expect(orders.hear(resumed)).toEqual([{ action: 'turn_away', visitor: 2 }, open]);
  });

  it('do not pile up', () => {
    const orders = new Orders();
    for (let visitor = 0; visitor < 100; visitor += 1) orders.add({ action: 'admit', visitor });
    expect(orders.hear(resumed)).toHaveLength(32);
  });
});
