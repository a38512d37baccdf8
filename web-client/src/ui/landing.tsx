/** The start page: a new meeting, or a link to one. */

import { useState } from 'preact/hooks';
import { failureSentence } from '../call/words';
import { type Sentence, sentence, t, text } from '../i18n/i18n';
import { linkPath, newFragment, parseLink } from '../link';
import { createRoom } from '../signaling/http';
import css from './forms.module.css';
import { Page } from './page';

export function Landing({ onMeeting }: { onMeeting: () => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Sentence>();
  const [address, setAddress] = useState('');

  async function create(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    try {
      const room = await createRoom();
      history.pushState(null, '', linkPath({ room, fragment: newFragment() }));
      onMeeting();
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
