/** The actions behind the buttons and keyboard shortcuts of a call. */

import type { Call } from '../../call/call';
import { ScreenShare } from '../../call/media/screen_share';
import { settings } from '../../settings/settings';
import { type Action, actionOf, keyPressOf } from './shortcuts';
import type { CallView } from './call_view';

export function setMicrophone({ devices }: Call, on: boolean): void {
  void devices.microphone.setEnabled(on, settings.talkHint.value);
}

export function toggleMicrophone(call: Call): void {
  setMicrophone(call, call.devices.microphone.track.value === undefined);
}

export function toggleCamera({ devices }: Call): void {
  void devices.camera.setEnabled(devices.camera.track.value === undefined);
}

export function toggleShare({ media: { screenShare } }: Call): void {
  if (screenShare.stream.value !== undefined) screenShare.stop();
  else if (ScreenShare.isSupported) void screenShare.start();
}

export function toggleHand({ chat, state }: Call): void {
  if (state.value.kind !== 'live') return;
  chat.send({ kind: 'hand', raised: !chat.handRaised.value });
}

export async function toggleFullScreen(): Promise<void> {
  try {
    if (document.fullscreenElement === null) await document.documentElement.requestFullscreen();
    else await document.exitFullscreen();
  } catch {
    // The browser refused.
  }
}

export function perform(action: Exclude<Action, 'talk'>, call: Call, view: CallView): void {
  switch (action) {
    case 'microphone':
      toggleMicrophone(call);
      break;
    case 'camera':
      toggleCamera(call);
      break;
    case 'share':
      toggleShare(call);
      break;
    case 'hand':
      toggleHand(call);
      break;
    case 'people':
    case 'chat':
      view.toggle(action);
      break;
    case 'layout':
      view.switchView();
      break;
    case 'full_screen':
      void toggleFullScreen();
      break;
    case 'previous_page':
      view.page.value -= 1;
      break;
    case 'next_page':
      view.page.value += 1;
      break;
    case 'help':
      view.dialog.value = 'help';
      break;
    case 'close':
      view.panel.value = undefined;
      break;
  }
}

/** Handles keyboard shortcuts until the returned function is called. */
export function listenToKeys(call: Call, view: CallView): () => void {
  let talking = false;
  const down = (event: KeyboardEvent): void => {
    if (event.repeat) {
      if (talking && event.key === ' ') event.preventDefault();
      return;
    }
    const action = actionOf(keyPressOf(event));
    if (action === undefined || (!settings.shortcuts.value && action !== 'close')) return;
    if (action === 'close' && view.panel.value === undefined) return;
    event.preventDefault();
    if (action !== 'talk') perform(action, call, view);
    else if (call.devices.microphone.track.value === undefined) {
      talking = true;
      setMicrophone(call, true);
    }
  };
  const stopTalking = (): void => {
    if (!talking) return;
    talking = false;
    setMicrophone(call, false);
  };
  const up = (event: KeyboardEvent): void => {
    if (event.key === ' ') stopTalking();
  };
  addEventListener('keydown', down);
  addEventListener('keyup', up);
  // The release of a key in another window is not reported to this one.
  addEventListener('blur', stopTalking);
  return () => {
    removeEventListener('keydown', down);
    removeEventListener('keyup', up);
    removeEventListener('blur', stopTalking);
  };
}
