/** Lists the keyboard shortcuts. */

import { t } from '../../i18n/i18n';
import { settings } from '../../settings/settings';
import { Checkbox } from '../checkbox';
import { Dialog } from '../dialog';
import css from './settings.module.css';
import { SHORTCUTS } from './shortcuts';

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t('help.title')} onClose={onClose}>
      <table class={css.keys}>
        <tbody>
          {SHORTCUTS.map(({ key, label }) => (
            <tr key={key}>
              <th scope="row">{t(label)}</th>
              <td>
                <kbd>{keyName(key)}</kbd>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Checkbox value={settings.shortcuts} label={t('settings.shortcuts')} />
    </Dialog>
  );
}

function keyName(key: string): string {
  switch (key) {
    case ' ':
      return t('key.space');
    case 'Escape':
      return t('key.escape');
    case 'PageUp':
      return t('key.page_up');
    case 'PageDown':
      return t('key.page_down');
    default:
      return key.toUpperCase();
  }
}
