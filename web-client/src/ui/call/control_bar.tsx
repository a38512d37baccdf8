/** The control bar of a call. On a small screen, some controls move into the menu. */

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Call } from '../../call/call';
import { ScreenShare } from '../../call/media/screen_share';
import { t } from '../../i18n/i18n';
import { CameraIcon, ChatIcon, LeaveIcon, MicrophoneIcon } from '../icons';
import { toggleCamera, toggleMicrophone } from './actions';
import css from './bar.module.css';
import { controls } from './controls';
import { MoreMenu } from './more_menu';
import type { CallView } from './call_view';

export function ControlBar({ call, view }: { call: Call; view: CallView }) {
  return (
    <footer class={css.bar} aria-label={t('bar.label')}>
      <MicrophoneButton call={call} />
      <CameraButton call={call} />
      {controls(call, view)
        .filter((one) => one.id !== 'share' || ScreenShare.isSupported)
        .map(({ id, icon, label, onActivate, ...state }) => (
          <Control key={id} spare onActivate={onActivate} {...state}>
            {icon}
            <span>{label}</span>
          </Control>
        ))}
      <ChatButton call={call} view={view} />
      <MoreMenu call={call} view={view} />
      <button type="button" class={css.leave} onClick={() => call.leave()}>
        <LeaveIcon />
        <span>{t('bar.leave')}</span>
      </button>
    </footer>
  );
}

interface ControlProps {
  /** Hidden on a small screen. */
  spare?: boolean;
  onActivate: () => void;
  children: ComponentChildren;
  [attribute: string]: unknown;
}

function Control({ spare = false, onActivate, children, ...rest }: ControlProps) {
  return (
    <button type="button" class={css.control} data-spare={spare} onClick={onActivate} {...rest}>
      {children}
    </button>
  );
}

function MicrophoneButton({ call }: { call: Call }) {
  const on = call.devices.microphone.track.value !== undefined;
  return (
    <Control
      data-on={on}
      data-device="microphone"
      aria-keyshortcuts="m"
      onActivate={() => toggleMicrophone(call)}
    >
      <MicrophoneIcon off={!on} />
      <span>{on ? t('bar.mute') : t('bar.unmute')}</span>
    </Control>
  );
}

function CameraButton({ call }: { call: Call }) {
  const on = call.devices.camera.track.value !== undefined;
  return (
    <Control
      data-on={on}
      data-device="camera"
      aria-keyshortcuts="v"
      onActivate={() => toggleCamera(call)}
    >
      <CameraIcon off={!on} />
      <span>{on ? t('bar.camera_off') : t('bar.camera_on')}</span>
    </Control>
  );
}

function ChatButton({ call, view }: { call: Call; view: CallView }) {
  const { lines } = call.chat.state.value;
  const open = view.panel.value === 'chat';
  const seen = useRef<string | undefined>(undefined);
  const [unread, setUnread] = useState(0);
  useEffect(() => {
    // The oldest lines are dropped, so the last line seen is identified by its key.
    if (open) seen.current = lines.findLast((line) => line.state === 'delivered')?.key;
    const after = lines.findIndex((line) => line.key === seen.current) + 1;
    setUnread(open ? 0 : lines.slice(after).filter((line) => !line.own).length);
  }, [lines, open]);
  return (
    <Control aria-expanded={open} aria-keyshortcuts="c" onActivate={() => view.toggle('chat')}>
      <ChatIcon />
      <span aria-live="polite">
        {unread > 0 ? t('bar.chat_unread', { unread: String(unread) }) : t('bar.chat')}
      </span>
    </Control>
  );
}
