/** A meeting on two media workers, which forward media to each other (cascade). */

import { describe, expect, it } from 'vitest';
import { GREEN_YELLOW, RED_BLUE, until, WHITE_PURPLE } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed(() => ({ flags: ['--media-workers', '2', '--media-spread', '2'] }));

describe('three participants with two per media worker', () => {
  it('see and hear each other across workers', async () => {
    const { ada, bob, cleo } = await testbed.meetingOfThree();
    await Promise.all([
      ada.waitToSee('Bob', GREEN_YELLOW),
      ada.waitToSee('Cleo', WHITE_PURPLE),
      bob.waitToSee('Cleo', WHITE_PURPLE),
      cleo.waitToSee('Ada', RED_BLUE),
      cleo.waitToSee('Bob', GREEN_YELLOW),
    ]);
    await until('all hear', async () => {
      const heard = await Promise.all([ada, bob, cleo].map((one) => one.hears()));
      return heard.every((sound) => sound > 0);
    });
    const metric = (name: string): Promise<number> => testbed.server.metric(`orange_sfu_${name}`);
    await until('copies to be counted', async () => (await metric('cascade_packets_total')) > 100);
    expect(await metric('rooms')).toBe(2);
    await cleo.leave();
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await until('the meeting to be one worker’s alone', async () => (await metric('rooms')) === 1);
    await Promise.all([ada.waitToSee('Bob', GREEN_YELLOW), bob.waitToSee('Ada', RED_BLUE)]);
  });
});
