/** Lists the members of the encrypted group, with the codes that verify the group and each member. */

import type { Call } from '../call/call';
import { type EncryptionState, trustSentence } from '../call/membership/encryption_state';
import type { Member } from '../e2ee/messages';
import { list, t, text } from '../i18n/i18n';
import { Dialog } from './dialog';
import css from './encryption.module.css';
import forms from './forms.module.css';
import { PairwiseCodeQr } from './pairwise_code_qr';
import { SasComparison } from './sas_comparison';

interface Props {
  call: Call;
  onClose: () => void;
}

export function EncryptionDialog({ call, onClose }: Props) {
  const members = call.membership.roster.value?.members ?? [];
  return (
    <Dialog title={t('encryption.title')} onClose={onClose}>
      <p>{t('encryption.explanation')}</p>
      <StateSentence state={call.membership.encryption.value} />
      <Code label={t('encryption.room_code')} code={call.membership.roster.value?.roomCode ?? ''} />
      <SasComparison call={call} />
      <h3>{t('encryption.members')}</h3>
      <ul class={css.people}>
        {members.map((member) => (
          <Person key={member.leaf} member={member} call={call} />
        ))}
        {[...call.membership.nonMembers.overdue.value].map((participant) => (
          <li key={`outside ${participant}`} class={css.danger}>
            {t('encryption.non_member')}
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function StateSentence({ state }: { state: EncryptionState }) {
  switch (state.kind) {
    case 'forming':
      return <p>{t('encryption.forming')}</p>;
    case 'confirmed':
      return <p>{t('encryption.confirmed')}</p>;
    case 'unconfirmed':
      return <p class={css.danger}>{t('encryption.unconfirmed', { names: list(state.names) })}</p>;
    case 'changed':
      return <p class={css.danger}>{t('encryption.changed', { names: list(state.names) })}</p>;
  }
}

function Person({ member, call }: { member: Member; call: Call }) {
  const { name, own, trust, leaf, pairwiseCode } = member;
  const verified = trust === 'verified';
  return (
    <li data-trust={trust}>
      <strong>{own ? t('tile.you', { name }) : name}</strong>{' '}
      <span class={trust === 'changed' ? css.danger : undefined}>{text(trustSentence(trust))}</span>
      {pairwiseCode !== undefined && (
        <details>
          <summary>{verified ? t('encryption.show_code') : t('encryption.compare')}</summary>
          <p>{t('encryption.how', { name })}</p>
          <Code label={t('encryption.code_with', { name })} code={pairwiseCode} />
          <PairwiseCodeQr
            name={name}
            code={pairwiseCode}
            onSame={() => call.setVerified(leaf, true)}
          />
          <button
            type="button"
            class={forms.button}
            onClick={() => call.setVerified(leaf, !verified)}
          >
            {verified ? t('encryption.unverify') : t('encryption.matches')}
          </button>
          {!verified && <p>{t('encryption.different', { name })}</p>}
        </details>
      )}
    </li>
  );
}

function Code({ label, code }: { label: string; code: string }) {
  return (
    <section class={css.code} aria-label={label}>
      {(code.match(/\d{5}/g) ?? []).map((group, index) => (
        <span key={`${index}-${group}`}>{group}</span>
      ))}
    </section>
  );
}
