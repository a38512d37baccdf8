/** Moderation by hosts, which other participants cannot do. */

import { describe, expect, it } from 'vitest';
import { press } from './support/controls';
import { GREEN_YELLOW, type Person, RED_BLUE, until, WHITE_PURPLE } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** A hundred steps of three participants, on a machine that may be busy. */
const PATIENCE_MS = 300_000;

async function setJoinPolicy(host: Person, words: string): Promise<void> {
  await host.page.getByLabel(words).check();
}

describe('a host', () => {
  const flow = 'is shown to all, asks to mute, sets the lobby, admits, removes and locks';
  it(flow, { timeout: PATIENCE_MS }, async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const link = await testbed.newMeeting(ada);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    await press(ada, /^People/);
    await press(bob, /^People/);
    const people = bob.page.getByRole('list', { name: 'People' });
    await people.getByText('Ada Host').waitFor();
    expect(await bob.page.getByRole('button', { name: /^Remove|^Ask to mute/ }).count()).toBe(0);

    await press(ada, 'Ask to mute: Bob');
    await ada.page.getByText('Asked Bob to mute').waitFor();
    await bob.page.getByText('Ada asks you to mute your microphone').waitFor();
    await bob.page.getByRole('alert').getByRole('button', { name: 'Mute' }).click();
    await bob.page.locator('footer').getByRole('button', { name: 'Unmute' }).waitFor();
    await ada.page.getByRole('button', { name: 'Ask to mute: Bob' }).waitFor({ state: 'detached' });

    await setJoinPolicy(ada, 'Guests wait until a host admits them');
    await people.locator('..').getByText('Guests wait until a host admits them').waitFor();
    const news = bob.page.getByRole('status').getByText('Guests wait until a host admits them');
    await news.waitFor();
    const cleo = await testbed.person('Cleo', WHITE_PURPLE);
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
    // The remaining members have new keys.
    await until('both are in a later epoch', async () => {
      const [one, other] = await Promise.all([ada.epoch(), cleo.epoch()]);
      return one > epoch && one === other;
    });
    await until('both show one code, and another one than before', async () => {
      const [one, other] = await Promise.all([ada.roomCode(), cleo.roomCode()]);
      return one === other && one !== code;
    });
    await ada.waitToSee('Cleo', WHITE_PURPLE);

    // Bob still has the link and waits in the lobby; then the meeting is locked.
    await press(bob, 'Rejoin');
    await bob.enter();
    await ada.page.getByRole('alert').getByText('Waiting to join: Bob.').waitFor();
    await press(ada, 'Decline Bob');
    await bob.page.getByText('The host didn’t let you in.').waitFor();
    await setJoinPolicy(ada, 'Locked');
    await press(bob, 'Rejoin');
    await bob.enter();
    await bob.page.getByText('This meeting is locked').waitFor();

    // A host can join a locked meeting.
    await ada.leave();
    await cleo.isIn(1);
    await press(ada, 'Rejoin');
    await ada.enter();
    await Promise.all([ada.isIn(2), cleo.isIn(2)]);
    await press(ada, /^People/);
    await ada.page.getByRole('radio', { name: 'Locked', checked: true }).waitFor();
  });

  it('locks the meeting although the socket breaks at the same time', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    let deaf = false;
    await ada.page.routeWebSocket('**/api/v1/socket', (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((message) => {
        if (!deaf) server.send(message);
      });
    });
    const link = await testbed.newMeeting(ada);
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
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    await bob.join(link);
    await bob.page.getByText('This meeting is locked').waitFor();
  });
});
