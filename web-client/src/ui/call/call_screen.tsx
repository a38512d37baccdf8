/** The call screen: tiles, side panel and controls. */

import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Call } from '../../call/call';
import { t } from '../../i18n/i18n';
import { settings } from '../../settings/settings';
import { playChime } from '../../sound/chime';
import { useHeadingFocus } from '../focus_management';
import { ReactionStrip } from '../chat_panel';
import { EncryptionDialog } from '../encryption_dialog';
import { AudioOutput } from '../video_view';
import { listenToKeys } from './actions';
import { ControlBar } from './control_bar';
import css from './call.module.css';
import { HelpDialog } from './help_dialog';
import { RemoveDialog } from './host_controls';
import { InviteDialog } from './invite_dialog';
import { PictureInPictureWindow } from './picture_in_picture';
import { SettingsDialog } from './settings_dialog';
import { SidePanel } from './side_panel';
import { Stage } from './stage';
import { Status } from './status';
import { CallView } from './call_view';

export function CallScreen({ call }: { call: Call }) {
  const view = useMemo(() => new CallView(), []);
  const main = useRef<HTMLElement>(null);
  useHeadingFocus(main);
  useEffect(() => listenToKeys(call, view), [call, view]);
  useChimes(call);
  const roster = call.membership.roster.value;
  const panel = view.panel.value;
  const speaker = call.devices.speaker.chosen.value;
  return (
    <main
      ref={main}
      class={css.call}
      data-state={call.state.value.kind}
      data-panel={panel}
      data-epoch={roster?.epoch}
      data-room-code={roster?.roomCode}
      data-media={call.media.connected.value}
      data-opened={call.media.received.decrypted.value}
      data-dropped={call.media.received.dropped.value}
    >
      <h1 class={css.hidden}>{t('call.title')}</h1>
      <div class={css.middle}>
        <Stage call={call} view={view} />
        <ReactionStrip call={call} />
        <Status call={call} view={view} />
      </div>
      {call.media.slots.value
        .filter((slot) => slot.kind === 'audio')
        .map((slot) => (
          <AudioOutput key={slot.id} stream={slot.stream} speaker={speaker} />
        ))}
      {panel !== undefined && <SidePanel call={call} view={view} panel={panel} />}
      <ControlBar call={call} view={view} />
      <Dialogs call={call} view={view} />
      <RemoveDialog call={call} view={view} />
      <PictureInPictureWindow call={call} view={view} />
    </main>
  );
}

function Dialogs({ call, view }: { call: Call; view: CallView }) {
  const name = view.dialog.value;
  const close = (): void => {
    if (name !== undefined) view.close(name);
  };
  switch (name) {
    case undefined:
      return null;
    case 'encryption':
      return <EncryptionDialog call={call} onClose={close} />;
    case 'invite':
      return <InviteDialog kept={call.roomKeptMs.value} onClose={close} />;
    case 'settings':
      return <SettingsDialog call={call} onClose={close} />;
    case 'help':
      return <HelpDialog onClose={close} />;
  }
}

/** Plays a sound when a participant joins or leaves. */
function useChimes(call: Call): void {
  useEffect(() => {
    let last = 0;
    return call.toasts.shown.subscribe((toasts) => {
      const newest = toasts.at(-1);
      if (newest === undefined || newest.id <= last) return;
      last = newest.id;
      if (newest.kind === 'other' || !settings.sounds.value) return;
      playChime(newest.kind, call.devices.speaker.chosen.value);
    });
  }, [call]);
}
