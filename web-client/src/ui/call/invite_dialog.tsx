/** The meeting link: to copy, share, scan, or add to a calendar. */

import { useState } from 'preact/hooks';
import { t } from '../../i18n/i18n';
import { parseLink } from '../../link';
import { CalendarForm } from '../calendar_form';
import { Dialog } from '../dialog';
import forms from '../forms.module.css';
import { QrCode } from '../qr_code';
import css from './settings.module.css';

const DAY_MS = 24 * 3600 * 1000;

interface Props {
  /** How long the server keeps an unused meeting, in ms; 0 if only until it restarts. `undefined`
   * before joining. */
  kept: number | undefined;
  onClose: () => void;
}

export function InviteDialog({ kept, onClose }: Props) {
  const link = location.href;
  const parsed = parseLink(location);
  return (
    <Dialog title={t('invite.title')} onClose={onClose}>
      <p>
        {t('invite.explanation')} {t('invite.reusable')} {kept !== undefined && keeping(kept)}
      </p>
      <p class={css.link} data-invite>
        {link}
      </p>
      <div class={forms.row}>
        <CopyButton link={link} />
        {'share' in navigator && (
          <button type="button" class={forms.button} onClick={() => void share(link)}>
            {t('invite.share')}
          </button>
        )}
      </div>
      {parsed.kind === 'meeting' && (
        <details>
          <summary>{t('calendar.title')}</summary>
          <CalendarForm link={parsed.link} />
        </details>
      )}
      <QrCode content={link} title={t('invite.qr')} class={css.code} />
    </Dialog>
  );
}

function keeping(kept: number): string {
  if (kept === 0) return t('invite.until_restart');
  return t('invite.expires', { days: Math.floor(kept / DAY_MS) });
}

async function share(url: string): Promise<void> {
  try {
    await navigator.share({ title: t('invite.share_title'), url });
  } catch {
    // The person cancelled.
  }
}

function CopyButton({ link }: { link: string }) {
  const [copied, setCopied] = useState(false);
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(link);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      // The link can still be selected and copied by hand.
      setCopied(false);
    }
  }
  return (
    <button type="button" class={forms.primary} onClick={() => void copy()}>
      <span aria-live="polite">{copied ? t('copied') : t('invite.copy')}</span>
    </button>
  );
}
