/** The list of participants, with their state and the host's actions. */

import type { Call } from '../../call/call';
import { participantList, type ListedParticipant } from '../../call/membership/participant_list';
import { sentence, t } from '../../i18n/i18n';
import { connectionQualities } from '../../stats/quality';
import { CameraIcon, HandIcon, LockIcon, MicrophoneIcon, ScreenIcon, SignalIcon } from '../icons';
import { JoinPolicySection, LobbySection } from './host_controls';
import css from './panel.module.css';
import { Initials } from './tile';
import type { CallView } from './call_view';

export function PeoplePanel({ call, view }: { call: Call; view: CallView }) {
  const quality = connectionQualities(
    call.media.statistics.value,
    call.media.received.labels.value,
  );
  const participants = participantList({
    roster: call.membership.roster.value,
    presence: call.membership.presence.value,
    nonMembers: call.membership.nonMembers.overdue.value,
    hosts: call.moderation.rules.value.hosts,
    hands: call.chat.state.value.hands,
    speaking: call.audioLevels.speakers.value.speaking,
    quality: quality.members,
    own: {
      microphone: call.devices.microphone.track.value !== undefined,
      camera: call.devices.camera.track.value !== undefined,
      screen: call.media.screenShare.stream.value !== undefined,
      quality: quality.own,
    },
  });
  return (
    <div class={css.scroll}>
      <LobbySection call={call} />
      <ul class={css.people} aria-label={t('panel.people')}>
        {participants.map((person) => (
          <Row key={person.participant} person={person} call={call} view={view} />
        ))}
      </ul>
      <JoinPolicySection call={call} />
      <button type="button" class={css.wide} onClick={() => (view.dialog.value = 'invite')}>
        {t('people.invite')}
      </button>
    </div>
  );
}

interface RowProps {
  person: ListedParticipant;
  call: Call;
  view: CallView;
}

function Row({ person, call, view }: RowProps) {
  const { name, own, outside } = person;
  const shown = outside ? t('tile.non_member') : own ? t('tile.you', { name }) : name;
  return (
    <li data-speaking={person.speaking} data-non-member={outside}>
      <Initials name={outside ? '?' : name} />
      <span class={css.name}>
        {shown}
        {person.host && <span class={css.role}> {t('people.host')}</span>}
        {call.membership.disconnected.all.value.has(person.participant) && (
          <span class={css.role}> {t('people.disconnected')}</span>
        )}
      </span>
      {person.verified && <LockIcon title={t('people.verified')} />}
      {person.hand && <HandIcon title={t('tile.hand')} />}
      {person.screen && <ScreenIcon title={t('people.shares')} />}
      {person.quality === 'poor' && <SignalIcon bars={1} title={t('quality.poor')} />}
      {person.quality === 'fair' && <SignalIcon bars={2} title={t('quality.fair')} />}
      {!outside && (
        <>
          <MicrophoneIcon
            off={!person.microphone}
            title={person.microphone ? t('people.microphone_on') : t('tile.muted')}
          />
          <CameraIcon
            off={!person.camera}
            title={person.camera ? t('people.camera_on') : t('people.camera_off')}
          />
        </>
      )}
      {call.moderation.isHost.value && !person.host && !own && (
        <HostActions person={person} name={shown} call={call} view={view} />
      )}
    </li>
  );
}

/** The actions a host can take on a participant. */
function HostActions({ person, name, call, view }: RowProps & { name: string }) {
  const { participant } = person;
  return (
    <div class={css.actions}>
      {person.microphone && (
        <button
          type="button"
          class={css.small}
          aria-label={t('people.ask_name_to_mute', { name })}
          onClick={() => {
            call.moderation.moderate({ action: 'ask_to_mute', participant });
            call.toasts.add('other', sentence('toast.asked_to_mute', { name }));
          }}
        >
          {t('people.ask_to_mute')}
        </button>
      )}
      <button
        type="button"
        class={css.small}
        aria-label={t('people.remove_name', { name })}
        onClick={() => (view.removing.value = { ...person, name })}
      >
        {t('people.remove')}
      </button>
    </div>
  );
}
