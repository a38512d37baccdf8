/** The settings during a call. */

import type { Call } from '../../call/call';
import type { ReceiveMode } from '../../call/media/receive_mode';
import { t } from '../../i18n/i18n';
import { settings } from '../../settings/settings';
import { Checkbox } from '../checkbox';
import { Dialog } from '../dialog';
import forms from '../forms.module.css';
import { DevicePickers } from '../device_pickers';
import { LanguagePicker, ThemePicker } from '../appearance';
import css from './settings.module.css';

export function SettingsDialog({ call, onClose }: { call: Call; onClose: () => void }) {
  return (
    <Dialog title={t('settings.title')} onClose={onClose}>
      <fieldset class={forms.group}>
        <legend>{t('settings.devices')}</legend>
        <DevicePickers devices={call.devices} />
      </fieldset>
      <ReceptionChoice call={call} />
      <fieldset class={forms.group}>
        <legend>{t('settings.general')}</legend>
        <Checkbox value={settings.mirrored} label={t('settings.mirrored')} />
        <Checkbox value={settings.sounds} label={t('settings.sounds')} />
        <Checkbox value={settings.talkHint} label={t('settings.talk_hint')} />
        <Checkbox value={settings.shortcuts} label={t('settings.shortcuts')} />
      </fieldset>
      <fieldset class={`${forms.group} ${css.appearance}`}>
        <legend>{t('settings.appearance')}</legend>
        <LanguagePicker />
        <ThemePicker />
      </fieldset>
    </Dialog>
  );
}

function ReceptionChoice({ call }: { call: Call }) {
  const names: Record<ReceiveMode, string> = {
    all: t('receive_mode.all'),
    saver: t('receive_mode.saver'),
    audio: t('receive_mode.audio'),
  };
  return (
    <fieldset class={forms.group}>
      <legend>{t('receive_mode.title')}</legend>
      {Object.entries(names).map(([value, name]) => (
        <label key={value} class={forms.checkbox}>
          <input
            type="radio"
            name="receive-mode"
            checked={call.media.receiveMode.value === value}
            onChange={() => void call.media.setReceiveMode(value as ReceiveMode)}
          />
          <span>{name}</span>
        </label>
      ))}
    </fieldset>
  );
}
