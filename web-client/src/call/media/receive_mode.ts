/** How much of the others' pictures is wanted. */

export type Reception =
  /** Everything there is. */
  | 'all'
  /** Few pictures, and a small one of oneself. */
  | 'saver'
  /** No pictures. */
  | 'audio';

/** On how many video slots something is received. */
export function videoSlots(reception: Reception): number {
  switch (reception) {
    case 'all':
      return Number.POSITIVE_INFINITY;
    case 'saver':
      return 3;
    case 'audio':
      return 0;
  }
}
