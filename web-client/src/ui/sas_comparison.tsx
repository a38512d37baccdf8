/** Verifies all members by voice: each reads out the same five emoji (SAS). */

import type { Call } from '../call/call';
import type { SasState } from '../call/membership/sas';
import { list, t } from '../i18n/i18n';
import css from './encryption.module.css';
import forms from './forms.module.css';

/** The 64 emoji of the Matrix specification (short authentication string, emoji method). Their names
 * are in the message catalogue, in the same order. */
const EMOJI = [
  ...'🐶🐱🦁🐎🦄🐷🐘🐰🐼🐓🐧🐢🐟🐙🦋🌷🌳🌵🍄🌏🌙☁🔥🍌🍎🍓🌽🍕🎂❤😀🤖',
  ...'🎩👓🔧🎅👍☂⌛⏰🎁💡📕✏📎✂🔒🔑🔨☎🏁🚂🚲✈🚀🏆⚽🎸🎺🔔⚓🎧📁📌',
];

export function SasComparison({ call }: { call: Call }) {
  const members = call.membership.roster.value?.members ?? [];
  if (members.length < 2) return null;
  const { sas } = call;
  const view = sas.state.value;
  const name = (participant: number): string =>
    members.find((one) => one.participant === participant)?.name ?? '?';
  return (
    <section class={css.voice} aria-label={t('sas.title')}>
      <h3>{t('sas.title')}</h3>
      <div aria-live="polite">
        <Explanation view={view} name={name} />
      </div>
      {view.kind === 'emoji' ? (
        <div class={forms.row}>
          <button type="button" class={forms.primary} onClick={() => sas.finish(true)}>
            {t('sas.match')}
          </button>
          <button type="button" class={forms.button} onClick={() => sas.finish(false)}>
            {t('sas.no_match')}
          </button>
        </div>
      ) : (
        <button type="button" class={forms.button} onClick={() => sas.start()}>
          {view.kind === 'none' ? t('sas.start') : t('sas.restart')}
        </button>
      )}
    </section>
  );
}

function Explanation({ view, name }: { view: SasState; name: (participant: number) => string }) {
  switch (view.kind) {
    case 'none':
      return <p>{t('sas.explanation')}</p>;
    case 'waiting':
      return <p>{t('sas.waiting', { names: list(view.participants.map(name)) })}</p>;
    case 'emoji':
      return (
        <>
          <p>{t('sas.read')}</p>
          <Emoji emoji={view.emoji} />
        </>
      );
    case 'same':
      return <p>{t('sas.verified')}</p>;
    case 'different':
      return <p class={css.danger}>{t('sas.mismatch')}</p>;
    case 'cheated':
      return <p class={css.danger}>{t('sas.cheated', { name: name(view.participant) })}</p>;
    case 'interrupted':
      return <p>{t('sas.interrupted')}</p>;
  }
}

function Emoji({ emoji }: { emoji: readonly number[] }) {
  const names = t('sas.emoji_names').split(', ');
  return (
    <ol class={css.emoji}>
      {emoji.map((one, at) => (
        <li key={`${at} ${one}`}>
          <span aria-hidden="true">{EMOJI[one]}</span>
          {names[one]}
        </li>
      ))}
    </ol>
  );
}
