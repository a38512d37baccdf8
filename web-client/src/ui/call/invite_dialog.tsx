/** The link, in every way in which it can be handed on. */

import { useState } from 'preact/hooks';
import { t } from '../../i18n/i18n';
import { Dialog } from '../dialog';
import forms from '../forms.module.css';
import { QrCode } from '../qr_code';
import css from './settings.module.css';

export function InviteDialog({ onClose }: { onClose: () => void }) {
  const link = location.href;
  return (
    <Dialog title={t('invite.title')} onClose={onClose}>
      <p>{t('invite.what')}</p>
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
      <QrCode content={link} title={t('invite.qr')} class={css.code} />
    </Dialog>
  );
}

async function share(url: string): Promise<void> {
  try {
    await navigator.share({ title: t('invite.share_title'), url });
  } catch {
    // The person changed their mind.
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
      // It can still be marked by hand.
      setCopied(false);
    }
  }
  return (
    <button type="button" class={forms.primary} onClick={() => void copy()}>
      <span aria-live="polite">{copied ? t('copied') : t('invite.copy')}</span>
    </button>
  );
}
