/** Moderation controls: join policy, lobby and removal. */

import type { Call } from '../../call/call';
import { joinPolicySentence } from '../../call/moderation/rules';
import { t, text } from '../../i18n/i18n';
import { Dialog } from '../dialog';
import forms from '../forms.module.css';
import css from './panel.module.css';
import { Initials } from './tile';
import type { CallView } from './call_view';

/** Lets hosts choose the join policy, and shows it to other participants. */
export function JoinPolicySection({ call }: { call: Call }) {
  const { join_policy: joinPolicy } = call.moderation.rules.value;
  if (!call.moderation.isHost.value)
    return <p class={css.joinPolicy}>{text(joinPolicySentence(joinPolicy))}</p>;
  return (
    <div class={css.joinPolicy}>
      <fieldset class={forms.group}>
        <legend>{t('join_policy.title')}</legend>
        {(['open', 'lobby', 'locked'] as const).map((one) => (
          <label key={one} class={forms.checkbox}>
            <input
              type="radio"
              name="join-policy"
              checked={joinPolicy === one}
              onChange={() =>
                call.moderation.moderate({ action: 'set_join_policy', join_policy: one })
              }
            />
            <span>{text(joinPolicySentence(one))}</span>
          </label>
        ))}
      </fieldset>
    </div>
  );
}

/** Lists the participants in the lobby, for hosts only. */
export function LobbySection({ call }: { call: Call }) {
  const { moderation } = call;
  if (!moderation.isHost.value || moderation.lobby.value.length === 0) return null;
  return (
    <section aria-label={t('waiting.title')}>
      <h2 class={css.title}>{t('waiting.title')}</h2>
      <p class={forms.quiet}>{t('waiting.names_hint')}</p>
      <ul class={css.people}>
        {moderation.lobby.value.map(({ lobbyParticipant, name }) => {
          const shown = name === '' ? t('waiting.nameless') : name;
          return (
            <li key={lobbyParticipant} data-lobby-participant={lobbyParticipant}>
              <Initials name={name === '' ? '?' : name} />
              <span class={css.name}>{shown}</span>
              <div class={css.actions}>
                <button
                  type="button"
                  class={css.small}
                  aria-label={t('waiting.admit_name', { name: shown })}
                  onClick={() =>
                    moderation.moderate({ action: 'admit', lobby_participant: lobbyParticipant })
                  }
                >
                  {t('waiting.admit')}
                </button>
                <button
                  type="button"
                  class={css.small}
                  aria-label={t('waiting.deny_name', { name: shown })}
                  onClick={() =>
                    moderation.moderate({ action: 'deny', lobby_participant: lobbyParticipant })
                  }
                >
                  {t('waiting.deny')}
                </button>
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** Asks for confirmation before a participant is removed. */
export function RemoveDialog({ call, view }: { call: Call; view: CallView }) {
  const person = view.removing.value;
  if (person === undefined) return null;
  const close = (): void => {
    view.removing.value = undefined;
  };
  return (
    <Dialog title={t('remove.title', { name: person.name })} onClose={close}>
      <p>{t('remove.explanation')}</p>
      <div class={forms.row}>
        <button
          type="button"
          class={forms.primary}
          onClick={() => {
            call.moderation.moderate({ action: 'remove', participant: person.participant });
            close();
          }}
        >
          {t('remove.confirm')}
        </button>
        <button type="button" class={forms.button} onClick={close}>
          {t('remove.cancel')}
        </button>
      </div>
    </Dialog>
  );
}
