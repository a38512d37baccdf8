/** A network that goes away and comes back. */

import { describe, expect, it } from 'vitest';
import { press } from './support/meeting';
import { GREEN_YELLOW, type Person, RED_BLUE, until } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage();

/** A place is kept for a minute. */
const LONG = { timeout: 240_000 };

describe('somebody without a network', () => {
  it(
    'is told so, and is back by itself when the network is, through a locked door',
    LONG,
    async () => {
      const ada = await stage.person('Ada', RED_BLUE);
      const bob = await stage.person('Bob', GREEN_YELLOW);
      let network = true;
      await bob.page.routeWebSocket('**/api/v1/socket', (socket) => {
        if (network) socket.connectToServer();
        else void socket.close();
      });
      await bob.page.route('**/api/v1/rooms/**', async (route) =>
        network ? route.continue() : route.abort(),
      );
      const link = await stage.newMeeting(ada);
      await bob.join(link);
      await Promise.all([ada.isIn(2), bob.isIn(2)]);
      const epoch = await ada.epoch();
      await press(ada, /^People/);
      await ada.page.getByLabel('Locked').check();

      network = false;
      await bob.breakSockets();
      await bob.page.getByText('Connection lost. Reconnecting…').waitFor();
      // For as long as Bob may resume, the others see that he is away; then he is gone, and the keys
      // with him.
      await ada.page.locator('figure[data-disconnected="true"]').waitFor();
      await ada.page.waitForFunction(() => document.querySelectorAll('figure').length === 1, null, {
        timeout: 90_000,
      });
      await bob.page.getByRole('heading', { name: 'Connection lost' }).waitFor({ timeout: 90_000 });

      network = true;
      await Promise.all([ada.isIn(2), bob.isIn(2)]);
      await bob.page
        .getByRole('heading', { name: 'Connection lost' })
        .waitFor({ state: 'detached' });
      await Promise.all([ada.waitToSee('Bob', GREEN_YELLOW), bob.waitToSee('Ada', RED_BLUE)]);
      expect(await ada.epoch()).toBeGreaterThan(epoch);
      // The browser logs what it could not fetch.
      expect(bob.errors.filter((error) => !error.includes('ERR_FAILED'))).toEqual([]);
      bob.errors.length = 0;
    },
  );
});

describe('somebody whose sockets break for half a minute', () => {
  it('is seen to be away, and has the same place and keys when they are back', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const bob = await stage.person('Bob', GREEN_YELLOW);
    let network = true;
    await bob.page.routeWebSocket('**/api/v1/socket', (socket) => {
      if (network) socket.connectToServer();
      else void socket.close();
    });
    const link = await stage.newMeeting(ada);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    const epoch = await ada.epoch();
    network = false;
    await bob.breakSockets();
    await ada.page.locator('figure[data-disconnected="true"]').waitFor();
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    await ada.isIn(2);
    network = true;
    await ada.page.locator('figure[data-disconnected="true"]').waitFor({ state: 'detached' });
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    expect([await ada.epoch(), await bob.epoch()]).toEqual([epoch, epoch]);
  });
});

/** What an ICE restart changes (RFC 8445 section 9). */
function ufrag(one: Person): Promise<string | undefined> {
  return one.page.evaluate(() => {
    const { connections } = window as unknown as { connections: RTCPeerConnection[] };
    return /a=ice-ufrag:(\S+)/.exec(connections.at(-1)?.currentLocalDescription?.sdp ?? '')?.[1];
  });
}

describe('somebody who changes the network', () => {
  it('has a new socket and a new path at once, and the same place in the call', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const link = await stage.newMeeting(ada);
    const bob = await stage.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await bob.waitToSee('Ada', RED_BLUE);
    const [before, epoch] = [await ufrag(bob), await bob.epoch()];
    await bob.context.setOffline(true);
    await bob.context.setOffline(false);
    await until('there is another path', async () => (await ufrag(bob)) !== before, 5000);
    await Promise.all([bob.waitToSee('Ada', RED_BLUE), ada.waitToSee('Bob', GREEN_YELLOW)]);
    expect(await bob.epoch()).toBe(epoch);
    expect(bob.errors.filter((error) => !error.includes('ERR_INTERNET_DISCONNECTED'))).toEqual([]);
    bob.errors.length = 0;
  });
});
