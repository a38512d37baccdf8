/**
 * The MLS worker: runs the endpoint, which holds the group's keys. Base keys for media leave it
 * by one port, towards the media worker.
 */

import type { Content, FromMls, KeysMessage, ToMls } from './messages';
import { Acquaintances } from './identity_store';
import { loadIdentity } from './identity';
import init, { Endpoint, type Output, pairwise_code, type RosterMember } from './wasm/e2ee_wasm';

let endpoint: Endpoint | undefined;
let acquaintances: Acquaintances | undefined;
let roster: (Output & { type: 'roster' }) | undefined;
/** Who took part in the last comparison by voice that came to an end. */
let compared: readonly { key: string; name: string }[] = [];
let mediaPort: MessagePort | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
/** What the server said before the endpoint was there. */
let early: string[] = [];

function post(message: FromMls): void {
  self.postMessage(message);
}

self.onmessage = (event: MessageEvent<ToMls>) => {
  const message = event.data;
  if (message.type === 'start') {
    start(message).catch((error: unknown) => post({ type: 'failed', message: sentence(error) }));
  } else if (message.type === 'say') {
    say(message.saying, message.content);
  } else if (message.type === 'verify') {
    verify(message.leaf, message.verified);
  } else if (message.type === 'compare') {
    step((live) => live.compare(Date.now()));
  } else if (message.type === 'all_same') {
    for (const person of compared) acquaintances?.verify(person, true, Date.now());
    tellRoster();
  } else if (endpoint === undefined) {
    early.push(message.text);
  } else {
    step((live) => live.handle(message.text, Date.now()));
  }
};

async function start(message: ToMls & { type: 'start' }): Promise<void> {
  mediaPort = message.media;
  const [identity] = await Promise.all([loadIdentity(), init()]);
  const fresh = new Endpoint(
    {
      room: message.room,
      link: message.link,
      name: message.name,
      identity_public: identity.publicKey,
    },
    Date.now(),
  );
  acquaintances = await Acquaintances.load(message.room, hex(identity.publicKey));
  fresh.certify(await identity.sign(fresh.to_sign()));
  if (message.trace) fresh.start_trace();
  endpoint = fresh;
  post({ type: 'ready', lasting: identity.lasting });
  for (const text of early) step((live) => live.handle(text, Date.now()));
  early = [];
}

function say(saying: number, content: Content): void {
  step((live) => {
    try {
      post({ type: 'said', saying, id: live.say(JSON.stringify(content), Date.now()) });
    } catch (error) {
      post({ type: 'unsaid', saying, message: sentence(error) });
    }
  });
}

function verify(leaf: number, verified: boolean): void {
  const member = roster?.members.find((one) => one.leaf === leaf);
  if (member === undefined || member.own) return;
  acquaintances?.verify(personOf(member), verified, Date.now());
  tellRoster();
}

function personOf(member: RosterMember): { key: string; name: string } {
  return { key: hex(member.identity_public), name: member.name };
}

/** The members, with what this browser knows of each. */
function tellRoster(): void {
  if (roster === undefined || acquaintances === undefined) return;
  const { epoch, room_code: roomCode, members } = roster;
  const trust = acquaintances.judge(members.map(personOf), Date.now());
  const self = members.find((one) => one.own);
  post({
    type: 'roster',
    roster: {
      epoch,
      roomCode,
      members: members.map(({ leaf, participant, name, own, identity_public: key }, at) => ({
        leaf,
        participant,
        name,
        own,
        trust: trust[at] ?? 'new',
        pairwiseCode:
          self === undefined || trust[at] === 'own'
            ? undefined
            : pairwise_code(self.identity_public, key),
      })),
    },
  });
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** One input, and all that follows from it. */
function step(input: (live: Endpoint) => void): void {
  const live = endpoint;
  if (live === undefined) return;
  try {
    input(live);
  } catch (error) {
    post({ type: 'problem', code: 'input', message: sentence(error), participant: undefined });
  }
  for (let output = live.poll(); output !== undefined; output = live.poll()) {
    switch (output.type) {
      case 'send':
        post({ type: 'send', text: output.message });
        break;
      case 'keys':
      case 'coming_keys': {
        const message: KeysMessage = { keys: output.keys, begun: output.type === 'keys' };
        mediaPort?.postMessage(message);
        break;
      }
      case 'roster':
        roster = output;
        tellRoster();
        break;
      case 'message':
        post({ type: 'message', message: output });
        break;
      case 'comparison': {
        const { type: _, ...comparison } = output;
        if (comparison.state === 'emoji') {
          // As they are now: a leaf may be somebody else's when the person has answered.
          compared = roster?.members.filter((one) => !one.own).map(personOf) ?? [];
        }
        post({ type: 'comparison', comparison });
        break;
      }
      case 'unconfirmed':
        post({ type: 'unconfirmed', participants: output.participants });
        break;
      case 'problem':
        post({
          type: 'problem',
          code: output.code,
          message: output.message,
          participant: output.participant,
        });
        break;
      case 'trace':
        post({ type: 'trace', line: output.line });
        break;
      case 'rejoin':
        post({ type: 'rejoin', reason: output.reason });
        break;
    }
  }
  clearTimeout(timer);
  const due = live.next_timeout();
  if (due !== undefined) {
    const wait = Math.max(0, due - Date.now());
    timer = setTimeout(() => step((later) => later.handle_timeout(Date.now())), wait);
  }
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
