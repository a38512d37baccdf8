/** Which key does what in the call. */

import type { Key } from '../../i18n/i18n';

export type Action =
  | 'microphone'
  | 'camera'
  | 'share'
  | 'hand'
  | 'people'
  | 'chat'
  | 'layout'
  | 'full_screen'
  | 'previous_page'
  | 'next_page'
  | 'help'
  | 'close'
  /** For as long as it is held. */
  | 'talk';

/** A key that was pressed, and where. */
export interface Pressed {
  key: string;
  /** With Control, Alt or Meta: the browser's or the system's business. */
  modified: boolean;
  /** Into a field where one writes. */
  writing: boolean;
  /** On a button or the like, which the space bar presses. */
  onControl: boolean;
  /** Beside the tiles, in what scrolls by the keys that turn pages. */
  scrolls: boolean;
  /** A dialog is open, and has the keys to itself. */
  inDialog: boolean;
}

/** In the order of the help. */
export const SHORTCUTS: readonly { key: string; action: Action; words: Key }[] = [
  { key: 'm', action: 'microphone', words: 'shortcut.microphone' },
  { key: ' ', action: 'talk', words: 'shortcut.talk' },
  { key: 'v', action: 'camera', words: 'shortcut.camera' },
  { key: 's', action: 'share', words: 'shortcut.share' },
  { key: 'h', action: 'hand', words: 'shortcut.hand' },
  { key: 'p', action: 'people', words: 'shortcut.people' },
  { key: 'c', action: 'chat', words: 'shortcut.chat' },
  { key: 'l', action: 'layout', words: 'shortcut.layout' },
  { key: 'f', action: 'full_screen', words: 'shortcut.full_screen' },
  { key: 'PageUp', action: 'previous_page', words: 'stage.previous' },
  { key: 'PageDown', action: 'next_page', words: 'stage.next' },
  { key: '?', action: 'help', words: 'shortcut.help' },
  { key: 'Escape', action: 'close', words: 'shortcut.close' },
];

export function actionOf({
  key,
  modified,
  writing,
  onControl,
  scrolls,
  inDialog,
}: Pressed): Action | undefined {
  if (modified || inDialog) return undefined;
  const action = SHORTCUTS.find((one) => one.key.toLowerCase() === key.toLowerCase())?.action;
  if (action === 'close') return action;
  if (writing || (action === 'talk' && onControl)) return undefined;
  if (scrolls && (action === 'previous_page' || action === 'next_page')) return undefined;
  return action;
}

/** Reads an event of the keyboard. */
export function pressed(event: KeyboardEvent): Pressed {
  const at = event.target instanceof Element ? event.target : undefined;
  return {
    key: event.key,
    modified: event.ctrlKey || event.altKey || event.metaKey,
    writing: at?.closest('input, textarea, select, [contenteditable]') !== null && at !== undefined,
    onControl: at !== undefined && at.closest('button, a, summary, [role="tab"]') !== null,
    scrolls: at?.closest('aside') != null,
    inDialog: at?.ownerDocument.querySelector('dialog[open]') != null,
  };
}
