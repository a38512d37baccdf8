/** Everybody in the call, with what they do. */

import type { Call } from '../../call/call';
import { people, type Person } from '../../call/membership/participant_list';
import { sentence, t } from '../../i18n/i18n';
import { qualities } from '../../stats/quality';
import { CameraIcon, HandIcon, LockIcon, MicrophoneIcon, ScreenIcon, SignalIcon } from '../icons';
import { DoorSection, WaitingSection } from './host_tools';
import css from './panel.module.css';
import { Initials } from './tile';
import type { CallView } from './view';

export function PeoplePanel({ call, view }: { call: Call; view: CallView }) {
  const quality = qualities(call.watch.statistics.value, call.labels.value);
  const everybody = people({
    roster: call.roster.value,
    presence: call.presence.value,
    outsiders: call.outsiders.lasting.value,
    hosts: call.house.rules.value.hosts,
    hands: call.conversation.chat.value.hands,
    speaking: call.voices.speaking.value.now,
    quality: quality.members,
    own: {
      microphone: call.devices.microphone.track.value !== undefined,
      camera: call.devices.camera.track.value !== undefined,
      screen: call.screen.stream.value !== undefined,
      quality: quality.own,
    },
  });
  return (
    <div class={css.scroll}>
      <WaitingSection call={call} />
      <ul class={css.people} aria-label={t('panel.people')}>
        {everybody.map((person) => (
          <Row key={person.participant} person={person} call={call} view={view} />
        ))}
      </ul>
      <DoorSection call={call} />
      <button type="button" class={css.wide} onClick={() => (view.dialog.value = 'invite')}>
        {t('people.invite')}
      </button>
    </div>
  );
}

interface RowProps {
  person: Person;
  call: Call;
  view: CallView;
}

function Row({ person, call, view }: RowProps) {
  const { name, own, outside } = person;
  const shown = outside ? t('tile.non_member') : own ? t('tile.you', { name }) : name;
  return (
    <li data-speaking={person.speaking} data-outside={outside}>
      <Initials name={outside ? '?' : name} />
      <span class={css.name}>
        {shown}
        {person.host && <span class={css.role}> {t('people.host')}</span>}
        {call.away.shown.value.has(person.participant) && (
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
      {call.house.host.value && !person.host && !own && (
        <HostButtons person={person} name={shown} call={call} view={view} />
      )}
    </li>
  );
}

/** What a host may do to somebody. */
function HostButtons({ person, name, call, view }: RowProps & { name: string }) {
  const { participant } = person;
  return (
    <div class={css.actions}>
      {person.microphone && (
        <button
          type="button"
          class={css.small}
          aria-label={t('people.ask_name_to_mute', { name })}
          onClick={() => {
            call.house.moderate({ action: 'ask_to_mute', participant });
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
