/** Messages between the page, the MLS worker and the media worker. Keys pass between the two workers
 * only, over a port that the page transfers and never reads. */

import type { Trust } from './trust';
import type { Content, MediaKeys, Message, SasState } from './wasm/e2ee_wasm';

/** The media contexts of a key id, in the order of the protocol's sources. */
export const CONTEXTS = ['microphone', 'camera', 'screen', 'screen_audio'] as const;
export type Context = (typeof CONTEXTS)[number];

export interface Member {
  leaf: number;
  participant: number;
  name: string;
  own: boolean;
  /** The trust of this browser in the member's identity key. */
  trust: Trust;
  /** The code to compare with this member; `undefined` for the own key. */
  pairwiseCode: string | undefined;
}

export interface Roster {
  epoch: number;
  roomCode: string;
  members: Member[];
}

export type { Content, Message, SasState, Trust };

export type ToMls =
  | {
      type: 'start';
      room: string;
      link: string;
      name: string;
      /** Report every step of key agreement. */
      trace: boolean;
      media: MessagePort;
    }
  /** Send content to all members; the outcome is reported with `sendId`. */
  | { type: 'send_message'; sendId: number; content: Content }
  /** Pin the identity key of a leaf after its pairwise code was compared, or unpin it. */
  | { type: 'set_verified'; leaf: number; verified: boolean }
  /** Start a SAS verification with all members. */
  | { type: 'start_sas' }
  /** Pin the identity keys of all members that took part in the last SAS verification. */
  | { type: 'confirm_sas' }
  /** A message of the server. */
  | { type: 'server_message'; text: string };

export type FromMls =
  /** `identityStored`: the identity key will be the same one on the next visit. */
  | { type: 'ready'; identityStored: boolean }
  /** Send a message to the server. */
  | { type: 'send'; text: string }
  | { type: 'roster'; roster: Roster }
  /** The message id under which a message will be delivered, or why it cannot be sent. */
  | { type: 'message_sent'; sendId: number; id: string }
  | { type: 'message_failed'; sendId: number; message: string }
  | { type: 'message'; message: Message }
  /** Participants without a recent valid heartbeat. */
  | { type: 'unconfirmed'; participants: number[] }
  /** The state of a SAS verification. */
  | { type: 'sas'; state: SasState }
  | { type: 'problem'; code: string; message: string; participant: number | undefined }
  /** A step of key agreement: numbers, ids and decisions. */
  | { type: 'trace'; line: string }
  | { type: 'rejoin'; reason: string }
  | { type: 'failed'; message: string };

/** To the link worker. */
export type ToLink =
  /** Create a link that is protected by a passphrase. */
  | { type: 'lock'; room: string; passphrase: string }
  /** Open a protected link with its passphrase. */
  | { type: 'open'; room: string; link: string; passphrase: string };

/** From the link worker. */
export type FromLink =
  | { type: 'locked'; link: string }
  | { type: 'opened'; link: string }
  /** The passphrase is not that of the link. */
  | { type: 'wrong_passphrase' }
  | { type: 'failed'; code: string };

/** From the MLS worker to the media worker. */
export interface KeysMessage {
  keys: MediaKeys;
  /** The epoch has started. Until then its keys decrypt only. */
  started: boolean;
}

export type ToMedia =
  | { type: 'start'; keys: MessagePort }
  | { type: 'payload_types'; codecs: Record<number, string> };

/** The options of a transform. */
export type TransformOptions =
  | { direction: 'send'; context: number }
  | { direction: 'receive'; slot: string };

/** Counts the frames that a slot received. */
export interface Counters {
  decrypted: number;
  /** By reason. */
  dropped: Record<string, number>;
  /** Frames that arrived before their key. */
  waited: number;
  /** Frames that are waiting for their key. */
  waiting: number;
  /** The longest gap between two decrypted frames since the last report, in ms. */
  gapMs: number;
}

/** Counts the frames that a source sent. */
export interface SentCounters {
  encrypted: number;
  /** Not sent, because there was no key. */
  withheld: number;
  /** The longest gap between two encrypted frames since the last report, in ms. */
  gapMs: number;
}

export type FromMedia =
  /** A slot now carries this member's frames, as they authenticate themselves. */
  | { type: 'label'; slot: string; leaf: number; context: number }
  /** Encryption started: receivers need a key frame. */
  | { type: 'key_frame'; context: number }
  | {
      type: 'counters';
      slots: Record<string, Counters>;
      /** By context. */
      sent: Record<number, SentCounters>;
    }
  | { type: 'failed'; message: string };
