/** The start page: a new meeting, or a link to one. */

import { useState } from 'preact/hooks';
import { linkPath, newFragment, parseLink } from '../link';
import { createRoom } from '../signaling/http';
import css from './pages.module.css';

export function Landing({ onMeeting }: { onMeeting: () => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [text, setText] = useState('');

  async function create(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    try {
      const room = await createRoom();
      history.pushState(null, '', linkPath({ room, fragment: newFragment() }));
      onMeeting();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  }

  function open(event: Event): void {
    event.preventDefault();
    let url: URL;
    try {
      url = new URL(text.trim(), location.origin);
    } catch {
      setProblem('This is not a link.');
      return;
    }
    const parsed = parseLink(url);
    if (parsed.kind === 'broken') setProblem(parsed.why);
    else if (parsed.kind === 'none') setProblem('Paste the whole meeting link.');
    else if (url.origin === location.origin) {
      history.pushState(null, '', linkPath(parsed.link));
      onMeeting();
    } else location.assign(url);
  }

  return (
    <main class={css.page}>
      <section class={css.card}>
        <h1>
          <img src="/favicon.svg" alt="" width="40" height="40" /> Orange Meets
        </h1>
        <p>
          Video meetings that only the people in them can see and hear: encrypted end to end, on a
          server of your own.
        </p>
        <button class={css.primary} type="button" disabled={busy} onClick={() => void create()}>
          {busy ? 'Starting…' : 'New meeting'}
        </button>
        <form class={css.row} onSubmit={open}>
          <label class={css.field}>
            <span>Or paste a meeting link</span>
            <input
              type="text"
              inputMode="url"
              autoComplete="off"
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
          <button class={css.button} type="submit">
            Open
          </button>
        </form>
        {problem !== undefined && (
          <p class={css.problem} role="alert">
            {problem}
          </p>
        )}
      </section>
    </main>
  );
}
