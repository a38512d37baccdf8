/** How much video of other participants is received. */

export type ReceiveMode =
  | 'all'
  /** A few small videos, and a small own one. */
  | 'saver'
  /** No video. */
  | 'audio';

/** Returns the number of video slots to receive on. */
export function videoSlots(mode: ReceiveMode): number {
  switch (mode) {
    case 'all':
      return Number.POSITIVE_INFINITY;
    case 'saver':
      return 3;
    case 'audio':
      return 0;
  }
}
