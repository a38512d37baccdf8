/** Devices, pictures, sounds and looks, during the call. */

import type { Call } from '../../call/call';
import type { Reception } from '../../call/media/receive_mode';
import { t } from '../../i18n/i18n';
import { settings } from '../../settings/settings';
import { Check } from '../check';
import { Dialog } from '../dialog';
import forms from '../forms.module.css';
import { Pickers } from '../pickers';
import { LanguagePicker, ThemePicker } from '../preferences';
import css from './settings.module.css';

export function SettingsDialog({ call, onClose }: { call: Call; onClose: () => void }) {
  return (
    <Dialog title={t('settings.title')} onClose={onClose}>
      <fieldset class={forms.group}>
        <legend>{t('settings.devices')}</legend>
        <Pickers devices={call.devices} />
      </fieldset>
      <ReceptionChoice call={call} />
      <fieldset class={forms.group}>
        <legend>{t('settings.general')}</legend>
        <Check choice={settings.mirrored} label={t('settings.mirrored')} />
        <Check choice={settings.sounds} label={t('settings.sounds')} />
        <Check choice={settings.talkHint} label={t('settings.talk_hint')} />
        <Check choice={settings.shortcuts} label={t('settings.shortcuts')} />
      </fieldset>
      <fieldset class={`${forms.group} ${css.looks}`}>
        <legend>{t('settings.appearance')}</legend>
        <LanguagePicker />
        <ThemePicker />
      </fieldset>
    </Dialog>
  );
}

function ReceptionChoice({ call }: { call: Call }) {
  const names: Record<Reception, string> = {
    all: t('receive_mode.all'),
    saver: t('receive_mode.saver'),
    audio: t('receive_mode.audio'),
  };
  return (
    <fieldset class={forms.group}>
      <legend>{t('receive_mode.title')}</legend>
      {Object.entries(names).map(([value, name]) => (
        <label key={value} class={forms.check}>
          <input
            type="radio"
            name="reception"
            checked={call.reception.value === value}
            onChange={() => void call.receive(value as Reception)}
          />
          <span>{name}</span>
        </label>
      ))}
    </fieldset>
  );
}
