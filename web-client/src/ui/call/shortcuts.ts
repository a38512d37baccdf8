/** Maps keys to actions in a call. */

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
  /** Unmutes while the key is held. */
  | 'talk';

/** A key press and its context. */
export interface KeyPress {
  key: string;
  /** With Control, Alt or Meta, as the browser or the system uses it. */
  modified: boolean;
  /** In a field that accepts text. */
  writing: boolean;
  /** On a control that the space bar activates. */
  onControl: boolean;
  /** In the side panel, which scrolls with the page keys. */
  scrolls: boolean;
  /** A dialog is open and handles all keys. */
  inDialog: boolean;
}

/** The shortcuts, in the order in which the help lists them. */
export const SHORTCUTS: readonly { key: string; action: Action; label: Key }[] = [
  { key: 'm', action: 'microphone', label: 'shortcut.microphone' },
  { key: ' ', action: 'talk', label: 'shortcut.talk' },
  { key: 'v', action: 'camera', label: 'shortcut.camera' },
  { key: 's', action: 'share', label: 'shortcut.share' },
  { key: 'h', action: 'hand', label: 'shortcut.hand' },
  { key: 'p', action: 'people', label: 'shortcut.people' },
  { key: 'c', action: 'chat', label: 'shortcut.chat' },
  { key: 'l', action: 'layout', label: 'shortcut.layout' },
  { key: 'f', action: 'full_screen', label: 'shortcut.full_screen' },
  { key: 'PageUp', action: 'previous_page', label: 'stage.previous' },
  { key: 'PageDown', action: 'next_page', label: 'stage.next' },
  { key: '?', action: 'help', label: 'shortcut.help' },
  { key: 'Escape', action: 'close', label: 'shortcut.close' },
];

export function actionOf({
  key,
  modified,
  writing,
  onControl,
  scrolls,
  inDialog,
}: KeyPress): Action | undefined {
  if (modified || inDialog) return undefined;
  const action = SHORTCUTS.find((one) => one.key.toLowerCase() === key.toLowerCase())?.action;
  if (action === 'close') return action;
  if (writing || (action === 'talk' && onControl)) return undefined;
  if (scrolls && (action === 'previous_page' || action === 'next_page')) return undefined;
  return action;
}

/** Returns the key press of a keyboard event. */
export function keyPressOf(event: KeyboardEvent): KeyPress {
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
