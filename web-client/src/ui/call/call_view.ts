/** The view state of the call screen. None of it is sent. */

import { type Signal, signal } from '@preact/signals';
import type { View } from '../../call/layout/tile_order';
import type { ListedParticipant } from '../../call/membership/participant_list';

export type Panel = 'people' | 'chat' | 'connection';
export type DialogName = 'encryption' | 'invite' | 'settings' | 'help';

export class CallView {
  readonly panel: Signal<Panel | undefined> = signal(undefined);
  readonly dialog: Signal<DialogName | undefined> = signal(undefined);
  readonly view: Signal<View> = signal('grid');
  readonly pinned: Signal<string | undefined> = signal(undefined);
  /** The page of tiles. The stage corrects a value out of range. */
  readonly page = signal(0);
  /** The participant that a host is asked to confirm removing. */
  readonly removing: Signal<ListedParticipant | undefined> = signal(undefined);
  /** The picture-in-picture window while it is open. */
  readonly pictureInPicture: Signal<Window | undefined> = signal(undefined);

  toggle(panel: Panel): void {
    this.panel.value = this.panel.value === panel ? undefined : panel;
  }

  /** Closes a dialog, unless another one has replaced it. */
  close(dialog: DialogName): void {
    if (this.dialog.value === dialog) this.dialog.value = undefined;
  }

  pin(key: string): void {
    this.pinned.value = this.pinned.value === key ? undefined : key;
  }

  switchView(): void {
    this.view.value = this.view.value === 'grid' ? 'speaker' : 'grid';
    this.pinned.value = undefined;
    this.page.value = 0;
  }
}
