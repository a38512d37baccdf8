/** A network that goes away and comes back. */

import { describe, expect, it } from 'vitest';
import { GREEN_YELLOW, RED_BLUE } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage();

describe('somebody without a network', () => {
  it('is told so, and is back by itself when the network is', async () => {
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

    network = false;
    await bob.breakSockets();
    await bob.page.getByText('The connection broke. Reconnecting…').waitFor();
    // For as long as Bob may resume, nobody is told; then he is gone, and the keys with him.
    await ada.isIn(1);
    await bob.page
      .getByRole('heading', { name: 'The connection is lost' })
      .waitFor({ timeout: 60_000 });

    network = true;
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await bob.page
      .getByRole('heading', { name: 'The connection is lost' })
      .waitFor({ state: 'detached' });
    await Promise.all([ada.waitToSee('Bob', GREEN_YELLOW), bob.waitToSee('Ada', RED_BLUE)]);
    expect(await ada.epoch()).toBeGreaterThan(epoch);
    // The browser logs what it could not fetch.
    expect(bob.errors.filter((error) => !error.includes('ERR_FAILED'))).toEqual([]);
    bob.errors.length = 0;
  });
});
