/**
 * The MLS worker runs the endpoint, which holds the group's keys. Base keys for media leave it only
 * through the port to the media worker.
 */

import type { Content, FromMls, KeysMessage, ToMls } from './messages';
import { loadIdentity } from './identity';
import { type IdentityOfMember, IdentityStore } from './identity_store';
import init, { Endpoint, type Output, pairwise_code, type RosterMember } from './wasm/e2ee_wasm';

let endpoint: Endpoint | undefined;
let identities: IdentityStore | undefined;
let roster: (Output & { type: 'roster' }) | undefined;
/** The other members that took part in the last completed SAS verification. */
let sasMembers: readonly IdentityOfMember[] = [];
let mediaPort: MessagePort | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
/** Messages of the server that arrived before the endpoint was ready. */
let early: string[] = [];

function post(message: FromMls): void {
  self.postMessage(message);
}

self.onmessage = ({ data: message }: MessageEvent<ToMls>) => {
  switch (message.type) {
    case 'start':
      start(message).catch((error: unknown) => post({ type: 'failed', message: textOf(error) }));
      break;
    case 'server_message':
      if (endpoint === undefined) early.push(message.text);
      else step((live) => live.handle(message.text, Date.now()));
      break;
    case 'send_message':
      sendMessage(message.sendId, message.content);
      break;
    case 'set_verified':
      setVerified(message.leaf, message.verified);
      break;
    case 'start_sas':
      step((live) => live.start_sas(Date.now()));
      break;
    case 'confirm_sas':
      for (const member of sasMembers) identities?.setVerified(member, true, Date.now());
      postRoster();
      break;
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
  identities = await IdentityStore.load(message.room, hex(identity.publicKey));
  fresh.certify(await identity.sign(fresh.to_sign()));
  if (message.trace) fresh.start_trace();
  endpoint = fresh;
  post({ type: 'ready', identityStored: identity.stored });
  for (const text of early) step((live) => live.handle(text, Date.now()));
  early = [];
}

function sendMessage(sendId: number, content: Content): void {
  step((live) => {
    try {
      post({ type: 'message_sent', sendId, id: live.send_message(JSON.stringify(content), Date.now()) });
    } catch (error) {
      post({ type: 'message_failed', sendId, message: textOf(error) });
    }
  });
}

function setVerified(leaf: number, verified: boolean): void {
  const member = roster?.members.find((one) => one.leaf === leaf);
  if (member === undefined || member.own) return;
  identities?.setVerified(identityOf(member), verified, Date.now());
  postRoster();
}

function identityOf(member: RosterMember): IdentityOfMember {
  return { key: hex(member.identity_public), name: member.name };
}

/** Posts the roster with the trust in each member. */
function postRoster(): void {
  if (roster === undefined || identities === undefined) return;
  const { epoch, room_code: roomCode, members } = roster;
  const trust = identities.evaluate(members.map(identityOf), Date.now());
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

/** Gives the endpoint an input, and carries out all outputs that follow from it. */
function step(input: (live: Endpoint) => void): void {
  const live = endpoint;
  if (live === undefined) return;
  try {
    input(live);
  } catch (error) {
    post({ type: 'problem', code: 'input', message: textOf(error), participant: undefined });
  }
  for (let output = live.poll(); output !== undefined; output = live.poll()) {
    switch (output.type) {
      case 'send':
        post({ type: 'send', text: output.message });
        break;
      case 'keys':
      case 'pending_keys': {
        const message: KeysMessage = { keys: output.keys, started: output.type === 'keys' };
        mediaPort?.postMessage(message);
        break;
      }
      case 'roster':
        roster = output;
        postRoster();
        break;
      case 'message':
        post({ type: 'message', message: output });
        break;
      case 'sas': {
        const { type: _, ...state } = output;
        if (state.state === 'emoji') {
          // Remembered by key: a leaf may belong to another member when the person answers.
          sasMembers = roster?.members.filter((one) => !one.own).map(identityOf) ?? [];
        }
        post({ type: 'sas', state });
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

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
