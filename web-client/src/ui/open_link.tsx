/** A form that opens a pasted meeting link. */

import { useState } from 'preact/hooks';
import { type Sentence, sentence, t, text } from '../i18n/i18n';
import { linkPath, parseLink } from '../link';
import forms from './forms.module.css';

interface Props {
  label: string;
  /** Called after the page's address has become that of the meeting. */
  onMeeting: () => void;
}

export function OpenLink({ label, onMeeting }: Props) {
  const [address, setAddress] = useState('');
  const [problem, setProblem] = useState<Sentence>();

  function open(event: Event): void {
    event.preventDefault();
    const url = URL.parse(address.trim(), location.origin);
    const parsed = url === null ? undefined : parseLink(url);
    if (url === null || parsed === undefined) setProblem(sentence('link.none'));
    else if (parsed.kind === 'broken') setProblem(parsed.why);
    else if (parsed.kind !== 'meeting') setProblem(sentence('link.incomplete'));
    else if (url.origin === location.origin) {
      history.pushState(null, '', linkPath(parsed.link));
      onMeeting();
    } else location.assign(url);
  }

  return (
    <form class={forms.row} onSubmit={open}>
      <label class={forms.field}>
        <span>{label}</span>
        <input
          type="text"
          inputMode="url"
          autoComplete="off"
          value={address}
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
      </label>
      <button class={forms.button} type="submit">
        {t('landing.open')}
      </button>
      {problem !== undefined && (
        <p class={forms.problem} role="alert">
          {text(problem)}
        </p>
      )}
    </form>
  );
}
