/** What the page, the MLS worker and the media worker say to each other. Keys pass between the
 * two workers only, over a port that the page hands over unopened. */

import type { Trust } from './trust';
import type { Comparison, Content, MediaKeys, Message } from './wasm/e2ee_wasm';

/** Media contexts of a key id, in the order of the protocol's sources. */
export const CONTEXTS = ['microphone', 'camera', 'screen', 'screen_audio'] as const;
export type Context = (typeof CONTEXTS)[number];

export interface Member {
  leaf: number;
  participant: number;
  name: string;
  own: boolean;
  /** What this browser knows of the member's identity key. */
  trust: Trust;
  /** The code to compare with this member; none for the own key. */
  pairwiseCode: string | undefined;
}

export interface Roster {
  epoch: number;
  roomCode: string;
  members: Member[];
}

export type { Comparison, Content, Message, Trust };

export type ToMls =
  | {
      type: 'start';
      room: string;
      link: string;
      name: string;
      /** Whether to tell every step of key agreement. */
      trace: boolean;
      media: MessagePort;
    }
  /** To be said to all members; `saying` tells the answer. */
  | { type: 'say'; saying: number; content: Content }
  /** The pairwise code with this leaf was compared: it was the same, or that is taken back. */
  | { type: 'verify'; leaf: number; verified: boolean }
  /** All members are to compare by voice. */
  | { type: 'compare' }
  /** Everybody has read out the same emoji: the keys of those who were there are pinned. */
  | { type: 'all_same' }
  | { type: 'server'; text: string };

export type FromMls =
  /** `lasting`: the identity key is stored, and will be the same one next time. */
  | { type: 'ready'; lasting: boolean }
  | { type: 'send'; text: string }
  | { type: 'roster'; roster: Roster }
  /** The id by which a saying comes back, or why it cannot be said. */
  | { type: 'said'; saying: number; id: string }
  | { type: 'unsaid'; saying: number; message: string }
  | { type: 'message'; message: Message }
  | { type: 'unconfirmed'; participants: number[] }
  | { type: 'comparison'; comparison: Comparison }
  | { type: 'problem'; code: string; message: string; participant: number | undefined }
  /** A step of key agreement: numbers, ids and decisions. */
  | { type: 'trace'; line: string }
  | { type: 'rejoin'; reason: string }
  | { type: 'failed'; message: string };

/** To the link worker, and what it answers. */
export type ToLink =
  /** A new link that asks for this passphrase. */
  | { type: 'lock'; room: string; passphrase: string }
  /** What the link and its passphrase stand for. */
  | { type: 'open'; room: string; link: string; passphrase: string };

export type FromLink =
  | { type: 'locked'; link: string }
  | { type: 'opened'; link: string }
  /** It is not the passphrase of the link. */
  | { type: 'wrong' }
  | { type: 'failed'; code: string };

/** From the MLS worker to the media worker. */
export interface KeysMessage {
  keys: MediaKeys;
  /** Of an epoch that has begun; until then they open frames, and send none. */
  begun: boolean;
}

export type ToMedia =
  | { type: 'start'; keys: MessagePort }
  | { type: 'payload_types'; codecs: Record<number, string> };

/** What a transform is for: given with it. */
export type TransformOptions =
  | { direction: 'send'; context: number }
  | { direction: 'receive'; slot: string };

/** What became of the frames of a slot. */
export interface Counters {
  opened: number;
  dropped: Record<string, number>;
  /** Frames that came before their key. */
  waited: number;
  /** Frames that wait for their key now. */
  waiting: number;
  /** The longest time between two frames that opened, in milliseconds, since the last report. */
  gapMs: number;
}

/** What became of the frames of an own source. */
export interface SentCounters {
  sealed: number;
  /** Not sent, for want of a key. */
  withheld: number;
  /** The longest time between two sealed frames, in milliseconds, since the last report. */
  gapMs: number;
}

export type FromMedia =
  | { type: 'label'; slot: string; leaf: number; context: number }
  | { type: 'key_frame'; context: number }
  | {
      type: 'counters';
      slots: Record<string, Counters>;
      /** By context. */
      sent: Record<number, SentCounters>;
    }
  | { type: 'failed'; message: string };
