/** Status messages, requests and warnings above the tiles. */

import { useEffect, useReducer } from 'preact/hooks';
import type { Call } from '../../call/call';
import { shutdownSentence } from '../../call/recovery/shutdown';
import { list, t, text } from '../../i18n/i18n';
import { CloseIcon } from '../icons';
import forms from '../forms.module.css';
import { setMicrophone } from './actions';
import css from './call.module.css';
import type { CallView } from './call_view';

export function Status({ call, view }: { call: Call; view: CallView }) {
  const joining = call.state.value.kind === 'joining';
  const reconnecting = call.reconnecting.value;
  return (
    <>
      {joining && reconnecting && <Reconnecting />}
      {call.state.value.kind === 'waiting' && <WaitingForAdmission />}
      <div class={css.status}>
        <div class={css.pills} role="status">
          {reconnecting && !joining && <p>{t('status.reconnecting')}</p>}
          {joining && !reconnecting && <p>{t('status.joining')}</p>}
          {call.state.value.kind === 'live' && !call.media.connected.value && (
            <p>{t('status.connecting_media')}</p>
          )}
          <ShutdownNotice call={call} />
          <Alone call={call} view={view} />
          {call.toasts.shown.value.map((toast) => (
            <p key={toast.id}>{text(toast.sentence)}</p>
          ))}
        </div>
        <LobbyRequests call={call} view={view} />
        <MuteRequest call={call} />
        <TalkingMuted call={call} />
        <EncryptionWarning call={call} />
        {call.notices.shown.value.map((notice) => (
          <p key={text(notice)} role="alert">
            {text(notice)}{' '}
            <button
              type="button"
              onClick={() => call.notices.dismiss(notice)}
              aria-label={t('dismiss')}
            >
              <CloseIcon />
            </button>
          </p>
        ))}
      </div>
    </>
  );
}

/** The call is being restored. */
function Reconnecting() {
  return (
    <div class={css.curtain} role="status">
      <span class={css.spinner} aria-hidden="true" />
      <h2>{t('reconnecting.title')}</h2>
      <p>{t('reconnecting.text')}</p>
    </div>
  );
}

/** Announces a restart of the server. */
function ShutdownNotice({ call }: { call: Call }) {
  const [, lookAgain] = useReducer((looks: number) => looks + 1, 0);
  const told = shutdownSentence(call.shutdown.value, Date.now());
  const forMs = told?.forMs;
  useEffect(() => {
    if (forMs === undefined) return undefined;
    const timer = setTimeout(lookAgain, forMs);
    return () => clearTimeout(timer);
  });
  return told === undefined ? null : <p>{text(told.sentence)}</p>;
}

/** Shown while this participant waits in the lobby. */
function WaitingForAdmission() {
  return (
    <div class={css.curtain} role="status">
      <span class={css.spinner} aria-hidden="true" />
      <h2>{t('waiting.own_title')}</h2>
      <p>{t('waiting.own_text')}</p>
    </div>
  );
}

/** Tells a host that participants are waiting in the lobby. */
function LobbyRequests({ call, view }: { call: Call; view: CallView }) {
  const lobbyParticipants = call.moderation.isHost.value ? call.moderation.lobby.value : [];
  if (lobbyParticipants.length === 0) return null;
  const names = lobbyParticipants.map(({ name }) => (name === '' ? t('waiting.nameless') : name));
  return (
    <p role="alert" class={css.hint}>
      {t('waiting.knock', { names: list(names) })}{' '}
      <button type="button" class={forms.inline} onClick={() => (view.panel.value = 'people')}>
        {t('waiting.view')}
      </button>
    </p>
  );
}

/** Shows a host's request to mute. Only the participant can mute the microphone. */
function MuteRequest({ call }: { call: Call }) {
  const by = call.moderation.muteRequestedBy.value;
  const on = call.devices.microphone.track.value !== undefined;
  if (by === undefined || !on) return null;
  const name = call.membership.roster.value?.members.find((one) => one.participant === by)?.name;
  const done = (): void => {
    call.moderation.dismissMuteRequest();
  };
  return (
    <p role="alert" class={css.hint}>
      {t('mute_request.text', { name: name ?? t('people.a_host') })}{' '}
      <button
        type="button"
        class={forms.inline}
        onClick={() => {
          setMicrophone(call, false);
          done();
        }}
      >
        {t('bar.mute')}
      </button>
      <button type="button" aria-label={t('dismiss')} onClick={done}>
        <CloseIcon />
      </button>
    </p>
  );
}

function Alone({ call, view }: { call: Call; view: CallView }) {
  const alone =
    call.membership.roster.value?.members.length === 1 && call.membership.presence.value.size === 0;
  if (!alone) return null;
  return (
    <p>
      {t('status.alone')}{' '}
      <button type="button" class={forms.inline} onClick={() => (view.dialog.value = 'invite')}>
        {t('status.invite')}
      </button>
    </p>
  );
}

function TalkingMuted({ call }: { call: Call }) {
  if (!call.audioLevels.talkingMuted.value) return null;
  return (
    <p role="alert" class={css.hint}>
      {t('status.talking_muted')}{' '}
      <button type="button" class={forms.inline} onClick={() => setMicrophone(call, true)}>
        {t('status.unmute')}
      </button>
    </p>
  );
}

/** Warns of a problem with the encryption. */
function EncryptionWarning({ call }: { call: Call }) {
  const state = call.membership.encryption.value;
  switch (state.kind) {
    case 'forming':
    case 'confirmed':
      return null;
    case 'unconfirmed':
      return (
        <p role="alert" class={css.warning}>
          {t('warning.unconfirmed', { names: list(state.names), count: state.names.length })}
        </p>
      );
    case 'changed':
      return (
        <p role="alert" class={css.warning}>
          {t('warning.changed', { names: list(state.names) })}
        </p>
      );
  }
}
