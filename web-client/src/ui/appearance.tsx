/** Pickers for the language and the theme. */

import { language, NAMES, t, type Language } from '../i18n/i18n';
import { settings, type Theme } from '../settings/settings';

export function LanguagePicker() {
  return (
    <label>
      <span>{t('language')}</span>
      <select
        value={language()}
        onChange={(event) => (settings.language.value = event.currentTarget.value as Language)}
      >
        {Object.entries(NAMES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

export function ThemePicker() {
  const names: Record<Theme, string> = {
    system: t('theme.system'),
    light: t('theme.light'),
    dark: t('theme.dark'),
  };
  return (
    <label>
      <span>{t('theme')}</span>
      <select
        value={settings.theme.value}
        onChange={(event) => (settings.theme.value = event.currentTarget.value as Theme)}
      >
        {Object.entries(names).map(([theme, name]) => (
          <option key={theme} value={theme}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
