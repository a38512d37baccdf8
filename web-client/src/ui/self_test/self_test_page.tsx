/** The self test page, served at `/check`: tests what a call needs and shows the results. */

import { useEffect, useState } from 'preact/hooks';
import { CHECKS, type CheckResult, runCheck } from '../../self_test/self_test';
import { t, text } from '../../i18n/i18n';
import forms from '../forms.module.css';
import { Page } from '../page';
import css from '../pages.module.css';

const RUNNING: CheckResult = { kind: 'running' };

export function SelfTestPage() {
  const [results, setResults] = useState<readonly CheckResult[]>([]);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let wanted = true;
    setResults(CHECKS.map(() => RUNNING));
    for (const [at, check] of CHECKS.entries()) {
      void (async () => {
        const result = await runCheck(check);
        if (wanted) setResults((before) => before.with(at, result));
      })();
    }
    return () => {
      wanted = false;
    };
  }, [round]);

  return (
    <Page>
      <h1>{t('self_test.title')}</h1>
      <p>{t('self_test.explanation')}</p>
      <p role="status">
        <strong>{summary(results)}</strong>
      </p>
      <ul class={css.selfTests}>
        {CHECKS.map((check, at) => (
          <Outcome key={check.name.key} name={text(check.name)} result={results[at] ?? RUNNING} />
        ))}
      </ul>
      <div class={forms.row}>
        <button type="button" class={forms.button} onClick={() => setRound(round + 1)}>
          {t('try_again')}
        </button>
        <a class={forms.button} href="/">
          {t('ended.start_page')}
        </a>
      </div>
    </Page>
  );
}

const MARKS: Record<CheckResult['kind'], string> = {
  running: '…',
  passed: '✓',
  warned: '!',
  failed: '✗',
};

function Outcome({ name, result }: { name: string; result: CheckResult }) {
  return (
    <li data-result={result.kind}>
      <span class={css.mark} data-result={result.kind} aria-hidden="true">
        {MARKS[result.kind]}
      </span>
      <strong>{name}</strong>
      <p>{result.kind === 'running' ? t('self_test.running') : text(result.sentence)}</p>
    </li>
  );
}

function summary(results: readonly CheckResult[]): string {
  const has = (kind: CheckResult['kind']): boolean => results.some((one) => one.kind === kind);
  if (results.length === 0 || has('running')) return t('self_test.running');
  if (has('failed')) return t('self_test.some_failed');
  return has('warned') ? t('self_test.some_warned') : t('self_test.all_passed');
}
