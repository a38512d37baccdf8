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
    expect(await bob.page.getByRole('button', { name: /^Remove|^Ask .* to mute/ }).count()).toBe(0);

    await press(ada, 'Ask Bob to mute');
    await ada.page.getByText('Asked Bob to mute').waitFor();
    await bob.page.getByText('Ada asks you to mute your microphone').waitFor();
    await bob.page.getByRole('alert').getByRole('button', { name: 'Mute' }).click();
    await bob.page.locator('footer').getByRole('button', { name: 'Unmute' }).waitFor();
    await ada.page.getByRole('button', { name: 'Ask Bob to mute' }).waitFor({ state: 'detached' });

    await door(ada, 'Guests wait until a host admits them');
    await people.locator('..').getByText('Guests wait until a host admits them').waitFor();
    const news = bob.page.getByRole('status').getByText('Guests wait until a host admits them');
    await news.waitFor();
    const cleo = await stage.person('Cleo', WHITE_PURPLE);
    await cleo.join(link);
    await cleo.page.getByRole('heading', { name: 'Waiting to be let in' }).waitFor();
    await ada.page.getByRole('alert').getByText('Waiting to join: Cleo.').waitFor();
    expect(await bob.page.getByText('Cleo').count()).toBe(0);
    await press(ada, 'Admit Cleo');
    await Promise.all([ada.isIn(3), bob.isIn(3), cleo.isIn(3)]);
    await ada.waitToSee('Cleo', WHITE_PURPLE);

    const [epoch, code] = [await ada.epoch(), await ada.roomCode()];
    await press(ada, 'Remove Bob');
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await bob.page.getByText('The host removed you from the meeting.').waitFor();
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
    await press(bob, 'Rejoin');
    await bob.enter();
    await ada.page.getByRole('alert').getByText('Waiting to join: Bob.').waitFor();
    await press(ada, 'Decline Bob');
    await bob.page.getByText('The host didn’t let you in.').waitFor();
    await door(ada, 'Locked');
    await press(bob, 'Rejoin');
    await bob.enter();
    await bob.page.getByText('This meeting is locked').waitFor();

    // The host comes in through any door.
    await ada.leave();
    await cleo.isIn(1);
    await press(ada, 'Rejoin');
    await ada.enter();
    await Promise.all([ada.isIn(2), cleo.isIn(2)]);
    await press(ada, /^People/);
    await ada.page.getByRole('radio', { name: 'Locked', checked: true }).waitFor();
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
    await ada.page.getByText('Locked: nobody new can join').click();
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
    await bob.page.getByText('This meeting is locked').waitFor();
  });
});
