/** Before the call: how one looks, which devices are used, and under which name. */

import { useMemo, useState } from 'preact/hooks';
import type { Device, Devices } from '../devices/devices';
import { CameraIcon, MicrophoneIcon } from './icons';
import { LevelMeter } from './level_meter';
import css from './pages.module.css';
import { VideoView } from './video_view';

const NAME_KEY = 'name';
const NAME_CHARS = 64;

export function Lobby({ devices, onJoin }: { devices: Devices; onJoin: (name: string) => void }) {
  const [name, setName] = useState(rememberedName);
  const { camera, microphone } = devices;
  const track = camera.track.value;
  const preview = useMemo(
    () => (track === undefined ? undefined : new MediaStream([track])),
    [track],
  );

  function join(event: Event): void {
    event.preventDefault();
    const clean = name.trim();
    if (clean === '') return;
    rememberName(clean);
    onJoin(clean);
  }

  return (
    <main class={css.page}>
      <section class={css.card}>
        <h1>Ready to join?</h1>
        <div class={css.preview}>
          {preview === undefined ? (
            <p class={css.dark}>{camera.wanted.value ? 'No picture yet' : 'Camera is off'}</p>
          ) : (
            <VideoView stream={preview} mirrored label="Your camera" />
          )}
          <div class={css.overlay}>
            <Toggle device={microphone} />
            <Toggle device={camera} />
          </div>
        </div>
        <LevelMeter track={microphone.track.value} />
        <Picker device={camera} label="Camera" />
        <Picker device={microphone} label="Microphone" />
        <form onSubmit={join} class={css.row}>
          <label class={css.field}>
            <span>Your name</span>
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
          <button class={css.primary} type="submit">
            Join
          </button>
        </form>
        <p class={css.quiet}>Only the people in the meeting see your name, not the server.</p>
      </section>
    </main>
  );
}

function Toggle({ device }: { device: Device }) {
  const on = device.wanted.value;
  const Icon = device.kind === 'camera' ? CameraIcon : MicrophoneIcon;
  return (
    <button
      type="button"
      class={css.round}
      aria-pressed={on}
      aria-label={`${device.kind === 'camera' ? 'Camera' : 'Microphone'} ${on ? 'on' : 'off'}`}
      onClick={() => void device.set(!on)}
    >
      <Icon off={!on} />
    </button>
  );
}

function Picker({ device, label }: { device: Device; label: string }) {
  const choices = device.choices.value;
  const problem = device.wanted.value ? device.problem.value : undefined;
  return (
    <>
      {choices.length > 1 && (
        <label class={css.field}>
          <span>{label}</span>
          <select
            value={device.chosen.value}
            onChange={(event) => void device.choose(event.currentTarget.value)}
          >
            {choices.map((one, index) => (
              <option key={one.deviceId} value={one.deviceId}>
                {one.label || `${label} ${index + 1}`}
              </option>
            ))}
          </select>
        </label>
      )}
      {problem !== undefined && (
        <p class={css.problem} role="alert">
          {problem}{' '}
          <button class={css.inline} type="button" onClick={() => void device.start()}>
            Try again
          </button>
        </p>
      )}
    </>
  );
}

function rememberedName(): string {
  try {
    return localStorage.getItem(NAME_KEY) ?? '';
  } catch {
    return '';
  }
}

function rememberName(name: string): void {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // Nothing can be stored in this browser; the name is asked for again.
  }
}
