/** The start page: a new meeting, or a link to one. */

import { useState } from 'preact/hooks';
import { failureSentence } from '../call/words';
import { type Sentence, sentence, t, text } from '../i18n/i18n';
import { linkPath, newFragment, PASSPHRASE_CHARS, parseLink } from '../link';
import { rememberHostKey } from '../settings/host_keys';
import { createRoom } from '../signaling/http';
import css from './forms.module.css';
import { Page } from './page';

/** What only a passphrase needs comes when one is used. */
async function lockedFragment(room: string, passphrase: string): Promise<string> {
  const { lockedFragment: lock } = await import('../e2ee/passphrase');
  return lock(room, passphrase);
}

export function Landing({ onMeeting }: { onMeeting: (passphrase?: string) => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Sentence>();
  const [address, setAddress] = useState('');
  const [passphrase, setPassphrase] = useState('');

  async function create(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    try {
      const { room, host_key } = await createRoom();
      rememberHostKey(room, host_key);
      const locked = passphrase.trim() !== '';
      const fragment = locked ? await lockedFragment(room, passphrase) : newFragment();
      history.pushState(null, '', linkPath({ room, fragment }));
      onMeeting(locked ? passphrase : undefined);
    } catch (error) {
      setProblem(failureSentence(error));
      setBusy(false);
    }
  }

  function open(event: Event): void {
    event.preventDefault();
    const url = URL.parse(address.trim(), location.origin);
    const parsed = url === null ? undefined : parseLink(url);
    if (url === null || parsed === undefined) setProblem(sentence('link.none'));
    else if (parsed.kind === 'broken') setProblem(parsed.why);
    else if (parsed.kind !== 'meeting') setProblem(sentence('link.whole'));
    else if (url.origin === location.origin) {
      history.pushState(null, '', linkPath(parsed.link));
      onMeeting();
    } else location.assign(url);
  }

  return (
    <Page>
      <h1>
        <img src="/favicon.svg" alt="" width="44" height="44" /> Orange Meets
      </h1>
      <p>{t('landing.what')}</p>
      <button class={css.primary} type="button" disabled={busy} onClick={() => void create()}>
        {busy ? t('landing.starting') : t('landing.new')}
      </button>
      <details>
        <summary>{t('landing.more_safety')}</summary>
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
        <p class={css.quiet}>{t('landing.passphrase_what')}</p>
      </details>
      <form class={css.row} onSubmit={open}>
        <label class={css.field}>
          <span>{t('landing.paste')}</span>
          <input
            type="text"
            inputMode="url"
            autoComplete="off"
            value={address}
            onInput={(event) => setAddress(event.currentTarget.value)}
          />
        </label>
        <button class={css.button} type="submit">
          {t('landing.open')}
        </button>
      </form>
      {problem !== undefined && (
        <p class={css.problem} role="alert">
          {text(problem)}
        </p>
      )}
    </Page>
  );
}
