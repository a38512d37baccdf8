/** How this screen shows the video of others, as it is told to the SFU: what is not shown need not
 * come, and what is small need not come large. */

import type { ReceiverVideoConstraint } from '../../signaling/protocol.gen';
import { RECEIVER_VIDEO_CONSTRAINTS } from '../../signaling/protocol.gen';
import type { Reception } from './receive_mode';
import type { Tile } from '../layout/tiles';

/** A change of the layout is told after it has come to rest. */
const REST_MS = 200;
/** In pixels; what is enough where bandwidth is dear. */
const SAVED_HEIGHT = 180;
/** The largest number that the protocol has room for. */
const MOST_HEIGHT = 65_535;

export interface Showing {
  tiles: readonly Tile[];
  /** Height of what is on the screen, by key, in CSS pixels. */
  heights: ReadonlyMap<string, number>;
  pinned: string | undefined;
  reception: Reception;
  /** Pixels of the screen per CSS pixel. */
  ratio: number;
}

/** One wish per tile of the group's members. */
export function wishesOf({
  tiles,
  heights,
  pinned,
  reception,
  ratio,
}: Showing): ReceiverVideoConstraint[] {
  const wishes = tiles.flatMap(
    ({ key, participant, source, outside }): ReceiverVideoConstraint[] => {
      if (outside || (source !== 'camera' && source !== 'screen')) return [];
      const shown = reception === 'audio' ? 0 : Math.round((heights.get(key) ?? 0) * ratio);
      const height = Math.min(shown, reception === 'saver' ? SAVED_HEIGHT : MOST_HEIGHT);
      return [{ participant, source, height, pinned: key === pinned }];
    },
  );
  return wishes.slice(0, RECEIVER_VIDEO_CONSTRAINTS);
}

/** Tells the wishes when they have changed and come to rest. */
export class Wishes {
  #wishes: readonly ReceiverVideoConstraint[] = [];
  #written = '[]';
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly send: (wishes: ReceiverVideoConstraint[]) => void) {}

  show(wishes: readonly ReceiverVideoConstraint[]): void {
    const written = JSON.stringify(wishes);
    if (written === this.#written) return;
    [this.#wishes, this.#written] = [wishes, written];
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.tell(), REST_MS);
  }

  /** Tells them now: the server may not know them. */
  tell(): void {
    this.stop();
    this.send([...this.#wishes]);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
