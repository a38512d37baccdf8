/** The start page: starts a meeting or opens a link. */

import { useState } from 'preact/hooks';
import { failureSentence } from '../call/error_messages';
import { type Sentence, t, text } from '../i18n/i18n';
import { linkPath, newFragment, PASSPHRASE_CHARS } from '../link';
import { storeHostKey } from '../settings/host_keys';
import { createRoom } from '../signaling/http';
import css from './forms.module.css';
import { OpenLink } from './open_link';
import { Page } from './page';

/** Derives the fragment of a link with a passphrase. Loads the key derivation on demand. */
async function lockedFragment(room: string, passphrase: string): Promise<string> {
  const { createProtectedFragment: create } = await import('../e2ee/passphrase');
  return create(room, passphrase);
}

export function Landing({ onMeeting }: { onMeeting: (passphrase?: string) => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Sentence>();
  const [passphrase, setPassphrase] = useState('');

  async function create(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    try {
      const { room, host_key } = await createRoom();
      storeHostKey(room, host_key);
      const locked = passphrase.trim() !== '';
      const fragment = locked ? await lockedFragment(room, passphrase) : newFragment();
      history.pushState(null, '', linkPath({ room, fragment }));
      onMeeting(locked ? passphrase : undefined);
    } catch (error) {
      setProblem(failureSentence(error));
      setBusy(false);
    }
  }

  return (
    <Page>
      <h1>
        <img src="/favicon.svg" alt="" width="44" height="44" /> Orange Meets
      </h1>
      <p>{t('landing.intro')}</p>
      <button class={css.primary} type="button" disabled={busy} onClick={() => void create()}>
        {busy ? t('landing.starting') : t('landing.new')}
      </button>
      {problem !== undefined && (
        <p class={css.problem} role="alert">
          {text(problem)}
        </p>
      )}
      <details>
        <summary>{t('landing.add_passphrase')}</summary>
        <label class={css.field}>
          <span>{t('landing.passphrase')}</span>
          <input
            type="text"
            autoComplete="off"
            maxLength={PASSPHRASE_CHARS}
            value={passphrase}
            onInput={(event) => setPassphrase(event.currentTarget.value)}
          />
        </label>
        <p class={css.quiet}>{t('landing.passphrase_hint')}</p>
      </details>
      <OpenLink label={t('landing.paste')} onMeeting={() => onMeeting()} />
    </Page>
  );
}
