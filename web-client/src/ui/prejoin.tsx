/** The screen before a call: camera preview, devices, name and passphrase. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Device } from '../devices/device';
import type { Devices } from '../devices/devices';
import { t } from '../i18n/i18n';
import { type MeetingLink, PASSPHRASE_CHARS } from '../link';
import { settings } from '../settings/settings';
import forms from './forms.module.css';
import { CameraIcon, MicrophoneIcon } from './icons';
import { Lazy, useLazy } from './lazy';
import { Page } from './page';
import css from './pages.module.css';
import { DevicePickers } from './device_pickers';
import { VideoView } from './video_view';

const inviting = new Lazy(() => import('./call/invite_dialog'));

const NAME_CHARS = 64;
/** If opening the devices takes longer than this, the browser is asking for permission. */
const PERMISSION_PROMPT_MS = 700;

/** The name and the link fragment to join with. */
export interface Entry {
  name: string;
  /** The fragment of the link, unlocked with the passphrase if there is one. */
  fragment: string;
}

interface Props {
  link: MeetingLink;
  /** The passphrase, if it is already known. */
  passphrase: string | undefined;
  devices: Devices;
  onJoin: (entry: Entry) => void;
}

export function PreJoin({ link, passphrase: known, devices, onJoin }: Props) {
  const [name, setName] = useState(settings.name.value);
  const [passphrase, setPassphrase] = useState(known ?? '');
  const [lock, setLock] = useState<'open' | 'checking' | 'wrong' | 'failed'>('open');

  async function join(event: Event): Promise<void> {
    event.preventDefault();
    const clean = name.trim();
    if (clean === '' || lock === 'checking') return;
    settings.name.value = clean;
    if (!link.protected) {
      onJoin({ name: clean, fragment: link.fragment });
      return;
    }
    setLock('checking');
    try {
      const { openProtectedFragment } = await import('../e2ee/passphrase');
      const fragment = await openProtectedFragment(link, passphrase);
      if (fragment === undefined) setLock('wrong');
      else onJoin({ name: clean, fragment });
    } catch {
      setLock('failed');
    }
  }

  return (
    <Page wide>
      <h1>{t('prejoin.title')}</h1>
      <div class={css.columns}>
        <div class={css.column}>
          <Preview devices={devices} />
          <form onSubmit={(event) => void join(event)} class={forms.row}>
            <label class={forms.field}>
              <span>{t('prejoin.name')}</span>
              <input
                type="text"
                name="name"
                autoComplete="name"
                required
                maxLength={NAME_CHARS}
                value={name}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            </label>
            {link.protected && (
              <label class={forms.field}>
                <span>{t('prejoin.passphrase')}</span>
                <input
                  type="password"
                  autoComplete="off"
                  required
                  maxLength={PASSPHRASE_CHARS}
                  value={passphrase}
                  aria-invalid={lock === 'wrong'}
                  onInput={(event) => setPassphrase(event.currentTarget.value)}
                />
              </label>
            )}
            <button class={forms.primary} type="submit" disabled={lock === 'checking'}>
              {lock === 'checking' ? t('prejoin.checking') : t('prejoin.join')}
            </button>
          </form>
          {(lock === 'wrong' || lock === 'failed') && (
            <p class={forms.problem} role="alert">
              {lock === 'wrong' ? t('prejoin.wrong_passphrase') : t('ended.encryption_failed')}
            </p>
          )}
          <p class={forms.quiet}>{t('prejoin.name_privacy')}</p>
          <Invite />
        </div>
        <div class={css.column}>
          <DevicePickers devices={devices} />
        </div>
      </div>
    </Page>
  );
}

/** Opens the invitation without joining, for preparing a meeting. */
function Invite() {
  const [open, setOpen] = useState(false);
  const { part } = useLazy(inviting, open);
  return (
    <div class={forms.row}>
      <button type="button" class={forms.button} onClick={() => setOpen(true)}>
        {t('people.invite')}
      </button>
      {open && part !== undefined && (
        <part.InviteDialog kept={undefined} onClose={() => setOpen(false)} />
      )}
    </div>
  );
}

function Preview({ devices }: { devices: Devices }) {
  const { camera, microphone } = devices;
  const track = camera.track.value;
  const preview = useMemo(
    () => (track === undefined ? undefined : new MediaStream([track])),
    [track],
  );
  return (
    <div class={css.preview}>
      {preview === undefined ? (
        <NoPreview devices={devices} />
      ) : (
        <VideoView
          stream={preview}
          mirrored={settings.mirrored.value}
          label={t('prejoin.your_camera')}
        />
      )}
      <div class={css.overlay}>
        <Toggle device={microphone} />
        <Toggle device={camera} />
      </div>
    </div>
  );
}

/** Explains why there is no camera preview. */
function NoPreview({ devices: { camera, microphone } }: { devices: Devices }) {
  const opening = camera.opening.value || microphone.opening.value;
  const [asking, setAsking] = useState(false);
  useEffect(() => {
    if (!opening) return undefined;
    const timer = setTimeout(() => setAsking(true), PERMISSION_PROMPT_MS);
    return () => {
      clearTimeout(timer);
      setAsking(false);
    };
  }, [opening]);
  const message = asking
    ? t('prejoin.allow')
    : camera.enabled.value
      ? t('prejoin.no_video')
      : t('prejoin.camera_is_off');
  return (
    <p class={css.dark} role="status">
      {message}
    </p>
  );
}

function Toggle({ device }: { device: Device }) {
  const on = device.enabled.value;
  const camera = device.kind === 'camera';
  const Icon = camera ? CameraIcon : MicrophoneIcon;
  return (
    <button
      type="button"
      class={css.round}
      aria-pressed={on}
      aria-label={camera ? t('device.camera') : t('device.microphone')}
      onClick={() => void device.setEnabled(!on)}
    >
      <Icon off={!on} />
    </button>
  );
}
