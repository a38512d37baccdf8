/** The screen after a call: rejoin, or write a report about it. */

import { useState } from 'preact/hooks';
import { type Sentence, t, text } from '../i18n/i18n';
import forms from './forms.module.css';
import { Page } from './page';
import css from './pages.module.css';

interface Props {
  why: Sentence | undefined;
  /** When the call began, in ms since the Unix epoch. */
  since: number;
  onAgain: () => void;
}

export function Ended({ why, since, onAgain }: Props) {
  const [minutes] = useState(() => Math.max(1, Math.round((Date.now() - since) / 60_000)));
  return (
    <Page>
      <h1>{why === undefined ? t('ended.left') : t('ended.over')}</h1>
      <p role="alert">{why === undefined ? t('ended.keys_gone') : text(why)}</p>
      <div class={forms.row}>
        <button class={forms.primary} type="button" onClick={onAgain}>
          {t('ended.again')}
        </button>
        <a class={forms.button} href="/">
          {t('ended.start_page')}
        </a>
      </div>
      <Feedback minutes={minutes} />
    </Page>
  );
}

type Grade = 'good' | 'fair' | 'poor';

/** A report that the person can copy. Nothing is sent. */
function Feedback({ minutes }: { minutes: number }) {
  const [grade, setGrade] = useState<Grade>();
  const [comment, setComment] = useState('');
  const [copied, setCopied] = useState(false);
  const names: Record<Grade, string> = {
    good: t('feedback.good'),
    fair: t('feedback.fair'),
    poor: t('feedback.poor'),
  };

  async function copy(): Promise<void> {
    const report = {
      grade,
      comment: comment.trim(),
      minutes,
      when: new Date().toISOString(),
      browser: navigator.userAgent,
    };
    try {
      await navigator.clipboard.writeText(JSON.stringify(report, null, 2));
      setCopied(true);
    } catch {
      setCopied(false);
    }
  }

  return (
    <fieldset class={forms.group}>
      <legend>{t('feedback.title')}</legend>
      <div class={css.grades}>
        {Object.entries(names).map(([value, name]) => (
          <label key={value}>
            <input
              type="radio"
              name="grade"
              checked={grade === value}
              onChange={() => setGrade(value as Grade)}
            />
            {name}
          </label>
        ))}
      </div>
      {grade !== undefined && (
        <>
          <label class={forms.field}>
            <span>{t('feedback.comment')}</span>
            <textarea
              rows={3}
              value={comment}
              onInput={(event) => setComment(event.currentTarget.value)}
            />
          </label>
          <p class={forms.quiet}>{t('feedback.privacy')}</p>
          <button type="button" class={forms.button} onClick={() => void copy()}>
            <span aria-live="polite">{copied ? t('copied') : t('feedback.copy')}</span>
          </button>
        </>
      )}
    </fieldset>
  );
}
