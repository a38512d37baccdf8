/** A meeting whose media goes over a TURN server, or not at all. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GREEN_YELLOW, type Person, RED_BLUE, until, WHITE_PURPLE } from './support/person';
import { Stage } from './support/stage';
import { Turn } from './support/turn';

let turn: Turn;
beforeAll(async () => {
  turn = await Turn.start();
});
afterAll(() => turn.stop());

const stage = new Stage(() => ({
  flags: [
    '--turn-urls',
    `${turn.url}?transport=udp,${turn.url}?transport=tcp`,
    '--turn-secret-file',
    turn.secretFile,
    '--advertise',
    turn.peer,
  ],
}));

/** The kinds of the candidates by which a person sends, and how a relay is reached. */
async function ways(one: Person): Promise<string[]> {
  const stats = await one.stats();
  const byId = new Map(stats.map((entry) => [entry['id'], entry]));
  return stats
    .filter((entry) => entry['type'] === 'candidate-pair' && entry['nominated'] === true)
    .map((pair) => byId.get(pair['localCandidateId']))
    .map((local) => `${String(local?.['candidateType'])}/${String(local?.['relayProtocol'])}`);
}

describe('two people who may use a relay only', () => {
  it.each(['udp', 'tcp'])('see and hear each other over TURN by %s', async (transport) => {
    const ada = await stage.person('Ada', RED_BLUE);
    const bob = await stage.person('Bob', GREEN_YELLOW);
    for (const one of [ada, bob]) await one.page.addInitScript(onlyBy, transport);
    const cleo = await stage.person('Cleo', WHITE_PURPLE);
    const link = await stage.newMeeting(cleo);
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
  it('connects as a call would, and tells how', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    await ada.page.goto(`${stage.server.url}/check`);
    const media = ada.page.getByRole('listitem').filter({ hasText: 'Audio and video' });
    await media.getByText(/Connected in \d+ ms\./).waitFor();
  });

  it('says so where nothing comes back', async () => {
    const ada = await stage.person('Ada', RED_BLUE);
    await ada.page.addInitScript(() => {
      // As in a network that lets neither UDP nor the relay through.
      RTCPeerConnection.prototype.setRemoteDescription = () => Promise.resolve();
    });
    await ada.page.goto(`${stage.server.url}/check`);
    await ada.page.getByText('Couldn’t connect. Your network may block UDP').waitFor();
  });
});

/** Runs in the page: of the servers that it is told, those of one transport are used. */
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
