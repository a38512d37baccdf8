/** Pickers for camera, microphone and speaker, before and during a call. */

import type { Signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import type { Device } from '../devices/device';
import type { Devices } from '../devices/devices';
import { deviceProblemSentence } from '../devices/problems';
import type { Speaker } from '../devices/speaker';
import { canBlur } from '../effects/effects';
import { t, text } from '../i18n/i18n';
import { settings } from '../settings/settings';
import { playChime } from '../sound/chime';
import { Checkbox } from './checkbox';
import css from './forms.module.css';
import { LevelMeter } from './level_meter';

export function DevicePickers({ devices }: { devices: Devices }) {
  const { camera, microphone, speaker } = devices;
  return (
    <>
      <DevicePicker device={camera} label={t('device.camera')} />
      {canBlur() ? (
        <EffectCheckbox device={camera} choice={settings.blur} label={t('effect.blur')} />
      ) : (
        <p class={css.quiet}>{t('effect.no_blur')}</p>
      )}
      <DevicePicker device={microphone} label={t('device.microphone')} />
      <LevelMeter track={microphone.track.value ?? microphone.standby.value} />
      <EffectCheckbox device={microphone} choice={settings.noise} label={t('effect.noise')} />
      <SpeakerPicker speaker={speaker} />
    </>
  );
}

function DevicePicker({ device, label }: { device: Device; label: string }) {
  const choices = device.choices.value;
  return (
    <>
      {choices.length > 0 && (
        <Select
          label={label}
          choices={choices}
          value={device.usedId}
          onChoose={(id) => void device.choose(id)}
        />
      )}
      <DeviceProblem device={device} />
    </>
  );
}

/** Explains why a device that is turned on does not work, and offers to try again. */
export function DeviceProblem({ device }: { device: Device }) {
  const problem = device.enabled.value ? device.problem.value : undefined;
  if (problem === undefined) return null;
  return (
    <p class={css.problem} role="alert">
      {text(deviceProblemSentence(device.kind, problem))}{' '}
      <button class={css.inline} type="button" onClick={() => void device.start()}>
        {t('try_again')}
      </button>
    </p>
  );
}

interface EffectProps {
  device: Device;
  choice: Signal<boolean>;
  label: string;
}

/** Turns an effect on or off, and reports when it cannot run. */
function EffectCheckbox({ device, choice, label }: EffectProps) {
  return (
    <>
      <Checkbox value={choice} label={label} />
      {choice.value && device.effectFailed.value && (
        <p class={css.problem} role="alert">
          {t('effect.failed')}
        </p>
      )}
    </>
  );
}

function SpeakerPicker({ speaker }: { speaker: Speaker }) {
  const [playing, setPlaying] = useState(false);
  const choices = speaker.choices.value;
  function test(): void {
    setPlaying(true);
    setTimeout(() => setPlaying(false), playChime('test', speaker.chosen.value));
  }
  return (
    <div class={css.row}>
      {speaker.isSelectable && choices.length > 0 && (
        <Select
          label={t('device.speaker')}
          choices={choices}
          value={speaker.chosen.value}
          onChoose={(id) => speaker.choose(id)}
        />
      )}
      <button type="button" class={css.button} disabled={playing} onClick={test}>
        {playing ? t('device.testing') : t('device.test')}
      </button>
    </div>
  );
}

interface SelectProps {
  label: string;
  choices: readonly MediaDeviceInfo[];
  value: string;
  onChoose: (deviceId: string) => void;
}

function Select({ label, choices, value, onChoose }: SelectProps) {
  const known = choices.some((one) => one.deviceId === value);
  return (
    <label class={css.field}>
      <span>{label}</span>
      <select
        value={known ? value : (choices[0]?.deviceId ?? '')}
        onChange={(event) => onChoose(event.currentTarget.value)}
      >
        {choices.map((one, at) => (
          <option key={one.deviceId} value={one.deviceId}>
            {one.label || `${label} ${at + 1}`}
          </option>
        ))}
      </select>
    </label>
  );
}
