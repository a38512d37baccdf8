/** Media over a TURN server, and the self test without a network path. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GREEN_YELLOW, type Person, RED_BLUE, until, WHITE_PURPLE } from './support/person';
import { Testbed } from './support/testbed';
import { Turn } from './support/turn';

let turn: Turn;
beforeAll(async () => {
  turn = await Turn.start();
});
afterAll(() => turn.stop());

const testbed = new Testbed(() => ({
  flags: [
    '--turn-urls',
    `${turn.url}?transport=udp,${turn.url}?transport=tcp`,
    '--turn-secret-file',
    turn.secretFile,
    '--advertise',
    turn.peer,
  ],
}));

/** Returns the types of a participant's selected candidates and the protocol to the relay. */
async function ways(one: Person): Promise<string[]> {
  const stats = await one.stats();
  const byId = new Map(stats.map((entry) => [entry['id'], entry]));
  return stats
    .filter((entry) => entry['type'] === 'candidate-pair' && entry['nominated'] === true)
    .map((pair) => byId.get(pair['localCandidateId']))
    .map((local) => `${String(local?.['candidateType'])}/${String(local?.['relayProtocol'])}`);
}

describe('two participants with relay candidates only', () => {
  it.each(['udp', 'tcp'])('see and hear each other over TURN by %s', async (transport) => {
    const ada = await testbed.person('Ada', RED_BLUE);
    const bob = await testbed.person('Bob', GREEN_YELLOW);
    for (const one of [ada, bob]) await one.page.addInitScript(onlyBy, transport);
    const cleo = await testbed.person('Cleo', WHITE_PURPLE);
    const link = await testbed.newMeeting(cleo);
    await cleo.leave();
    const byRelay = link.replace('#', '?relay#');
    await ada.join(byRelay);
    await ada.isIn(1);
    await bob.join(byRelay);
    await Promise.all([ada.waitToSee('Bob', GREEN_YELLOW), bob.waitToSee('Ada', RED_BLUE)]);
    await until('both hear', async () => (await ada.hears()) > 0 && (await bob.hears()) > 0);
    for (const one of [ada, bob]) {
      expect(new Set(await ways(one))).toEqual(new Set([`relay/${transport}`]));
    }
  });
});

describe('the self test', () => {
  it('connects as a call would, and reports how', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    await ada.page.goto(`${testbed.server.url}/check`);
    const media = ada.page.getByRole('listitem').filter({ hasText: 'Audio and video' });
    await media.getByText(/Connected in \d+ ms\./).waitFor();
  });

  it('reports a failed connection', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    await ada.page.addInitScript(() => {
      // As in a network that blocks UDP and the relay.
      RTCPeerConnection.prototype.setRemoteDescription = () => Promise.resolve();
    });
    await ada.page.goto(`${testbed.server.url}/check`);
    await ada.page.getByText('Couldn’t connect. Your network may block UDP').waitFor();
  });
});

/** Runs in the page: uses only the TURN servers of one transport. */
function onlyBy(transport: string): void {
  const set = RTCPeerConnection.prototype.setConfiguration;
  RTCPeerConnection.prototype.setConfiguration = function (configuration) {
    const iceServers = configuration?.iceServers?.map((server) => ({
      ...server,
      urls: [server.urls].flat().filter((url) => url.endsWith(transport)),
    }));
    set.call(this, { ...configuration, iceServers: iceServers ?? [] });
  };
}
