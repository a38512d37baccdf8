/** Tells the SFU how other participants' videos are shown here, so that it need not send hidden ones
 * at all, nor small ones in full resolution. */

import type { ReceiverVideoConstraint } from '../../signaling/protocol.gen';
import { RECEIVER_VIDEO_CONSTRAINTS } from '../../signaling/protocol.gen';
import type { Tile } from '../layout/tiles';
import type { ReceiveMode } from './receive_mode';

/** A changed layout is sent once it has not changed for this long. */
const SETTLE_MS = 200;
/** The largest height in data saver mode, in pixels. */
const SAVER_HEIGHT = 180;
/** The largest height that the protocol can express, in pixels. */
const MAX_HEIGHT = 65_535;

export interface ShownVideos {
  tiles: readonly Tile[];
  /** Heights on the screen by tile key, in CSS pixels. */
  heights: ReadonlyMap<string, number>;
  /** The key of the pinned tile. */
  pinned: string | undefined;
  receiveMode: ReceiveMode;
  /** Device pixels per CSS pixel. */
  ratio: number;
}

/** Returns one constraint per tile of a group member; heights are in device pixels. */
export function videoConstraints({
  tiles,
  heights,
  pinned,
  receiveMode,
  ratio,
}: ShownVideos): ReceiverVideoConstraint[] {
  const constraints = tiles.flatMap(
    ({ key, participant, source, outside }): ReceiverVideoConstraint[] => {
      if (outside || (source !== 'camera' && source !== 'screen')) return [];
      const shown = receiveMode === 'audio' ? 0 : Math.round((heights.get(key) ?? 0) * ratio);
      const height = Math.min(shown, receiveMode === 'saver' ? SAVER_HEIGHT : MAX_HEIGHT);
      return [{ participant, source, height, pinned: key === pinned }];
    },
  );
  return constraints.slice(0, RECEIVER_VIDEO_CONSTRAINTS);
}

/** Sends the constraints when they have changed and settled. */
export class VideoConstraintSender {
  #constraints: readonly ReceiverVideoConstraint[] = [];
  #serialized = '[]';
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly send: (constraints: ReceiverVideoConstraint[]) => void) {}

  /** Takes the constraints of the current layout. */
  update(constraints: readonly ReceiverVideoConstraint[]): void {
    const serialized = JSON.stringify(constraints);
    if (serialized === this.#serialized) return;
    [this.#constraints, this.#serialized] = [constraints, serialized];
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.sendNow(), SETTLE_MS);
  }

  /** Sends the constraints even if they have not changed, e.g. on a new socket. */
  sendNow(): void {
    this.stop();
    this.send([...this.#constraints]);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
