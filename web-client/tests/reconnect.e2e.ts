/** Recovery from a network failure. */

import { describe, expect, it } from 'vitest';
import { press } from './support/controls';
import { GREEN_YELLOW, type Person, RED_BLUE, until } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** The server keeps a disconnected participant for a minute. */
const LONG = { timeout: 240_000 };

describe('a participant without a network', () => {
  it(
    'is told so, and rejoins a locked meeting automatically when the network is back',
    LONG,
    async () => {
      const ada = await testbed.person('Ada', RED_BLUE);
      const bob = await testbed.person('Bob', GREEN_YELLOW);
      let network = true;
      await bob.page.routeWebSocket('**/api/v1/socket', (socket) => {
        if (network) socket.connectToServer();
        else void socket.close();
      });
      await bob.page.route('**/api/v1/rooms/**', async (route) =>
        network ? route.continue() : route.abort(),
      );
      const link = await testbed.newMeeting(ada);
      await bob.join(link);
      await Promise.all([ada.isIn(2), bob.isIn(2)]);
      const epoch = await ada.epoch();
      await press(ada, /^People/);
      await ada.page.getByLabel('Locked').check();

      network = false;
      await bob.breakSockets();
      await bob.page.getByText('Connection lost. Reconnecting…').waitFor();
      // The others see that Bob is disconnected while he can resume; then he is removed and the keys
      // change.
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
      // The browser logs the failed requests.
      expect(bob.errors.filter((error) => !error.includes('ERR_FAILED'))).toEqual([]);
      bob.errors.length = 0;
    },
  );
});

describe('a participant disconnected for half a minute', () => {
  it('is shown as disconnected, and keeps its place and keys when it is back', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    let network = true;
    await bob.page.routeWebSocket('**/api/v1/socket', (socket) => {
      if (network) socket.connectToServer();
      else void socket.close();
    });
    const link = await testbed.newMeeting(ada);
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

/** Returns the ICE username fragment, which an ICE restart changes (RFC 8445 section 9). */
function ufrag(one: Person): Promise<string | undefined> {
  return one.page.evaluate(() => {
    const { connections } = window as unknown as { connections: RTCPeerConnection[] };
    return /a=ice-ufrag:(\S+)/.exec(connections.at(-1)?.currentLocalDescription?.sdp ?? '')?.[1];
  });
}

describe('a participant that changes networks', () => {
  it('gets a new socket and a new path at once, and keeps its place in the call', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
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
