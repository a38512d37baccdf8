/** What the opener of a room may do, and that everybody else may not. */

import { describe, expect, it } from 'vitest';
import { press } from './support/meeting';
import { GREEN_YELLOW, type Person, RED_BLUE, until, WHITE_PURPLE } from './support/person';
import { Stage } from './support/stage';

const stage = new Stage();

/** A hundred steps of three people, each with its round trips, on a machine that does other things. */
const PATIENCE_MS = 300_000;

async function door(host: Person, words: string): Promise<void> {
  await host.page.getByLabel(words).check();
}

describe('a host', () => {
  const flow = 'is known to all, asks to mute, has people wait, lets in, removes and locks';
  it(flow, { timeout: PATIENCE_MS }, async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    const link = await stage.newMeeting(ada);
    const bob = await stage.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await press(ada, /^People/);
    await press(bob, /^People/);
    const people = bob.page.getByRole('list', { name: 'People' });
    await people.getByText('Ada Host').waitFor();
    expect(await bob.page.getByRole('button', { name: /^Remove|^Ask to mute/ }).count()).toBe(0);

    await press(ada, 'Ask to mute: Bob');
    await ada.page.getByText('Bob was asked to mute').waitFor();
    await bob.page.getByText('Ada asks you to turn your microphone off').waitFor();
    await bob.page.getByRole('alert').getByRole('button', { name: 'Mute' }).click();
    await bob.page.locator('footer').getByRole('button', { name: 'Unmute' }).waitFor();
    await ada.page.getByRole('button', { name: 'Ask to mute: Bob' }).waitFor({ state: 'detached' });

    await door(ada, 'waits until a host lets them in');
    await people.locator('..').getByText('waits until a host lets them in').waitFor();
    const news = bob.page.getByRole('status').getByText('waits until a host lets them in');
    await news.waitFor();
    const cleo = await stage.person('Cleo', WHITE_PURPLE);
    await cleo.join(link);
    await cleo.page.getByRole('heading', { name: 'Waiting to be let in' }).waitFor();
    await ada.page.getByRole('alert').getByText('Waiting to be let in: Cleo.').waitFor();
    expect(await bob.page.getByText('Cleo').count()).toBe(0);
    await press(ada, 'Let in: Cleo');
    await Promise.all([ada.isIn(3), bob.isIn(3), cleo.isIn(3)]);
    await ada.waitToSee('Cleo', WHITE_PURPLE);

    const [epoch, code] = [await ada.epoch(), await ada.roomCode()];
    await press(ada, 'Remove: Bob');
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await bob.page.getByText('The host has removed you from the meeting.').waitFor();
    await Promise.all([ada.isIn(2), cleo.isIn(2)]);
    // The keys are others, and everybody who is left has them.
    await until('both are in a later epoch', async () => {
      const [one, other] = await Promise.all([ada.epoch(), cleo.epoch()]);
      return one > epoch && one === other;
    });
    await until('both show one code, and another one than before', async () => {
      const [one, other] = await Promise.all([ada.roomCode(), cleo.roomCode()]);
      return one === other && one !== code;
    });
    await ada.waitToSee('Cleo', WHITE_PURPLE);

    // Bob has the link still, and waits; then nobody comes in any more.
    await press(bob, 'Join again');
    await bob.enter();
    await ada.page.getByRole('alert').getByText('Waiting to be let in: Bob.').waitFor();
    await press(ada, 'Turn away: Bob');
    await bob.page.getByText('The host did not let you in.').waitFor();
    await door(ada, 'The meeting is locked');
    await press(bob, 'Join again');
    await bob.enter();
    await bob.page.getByText('The meeting is locked: nobody else comes in.').waitFor();

    // The host comes in through any door.
    await ada.leave();
    await cleo.isIn(1);
    await press(ada, 'Join again');
    await ada.enter();
    await Promise.all([ada.isIn(2), cleo.isIn(2)]);
    await press(ada, /^People/);
    await ada.page.getByRole('radio', { name: 'The meeting is locked', checked: true }).waitFor();
  });

  it('is heard in the end, though the socket broke while they spoke', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    let deaf = false;
    await ada.page.routeWebSocket('**/api/v1/socket', (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((message) => {
        if (!deaf) server.send(message);
      });
    });
    const link = await stage.newMeeting(ada);
    await press(ada, /^People/);
    deaf = true;
    await ada.page.getByText('The meeting is locked').click();
    deaf = false;
    await ada.breakSockets();
    await until('the socket is back', async () =>
      ada.page.evaluate(() => {
        const { sockets } = window as unknown as { sockets: WebSocket[] };
        return sockets.length > 1 && sockets.at(-1)?.readyState === WebSocket.OPEN;
      }),
    );
    const bob = await stage.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await bob.page.getByText('The meeting is locked: nobody else comes in.').waitFor();
  });
});
