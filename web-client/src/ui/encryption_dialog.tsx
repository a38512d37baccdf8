/** Who is in the encrypted group, and the code by which people check that they are in the same. */

import type { RefObject } from 'preact';
import type { Presence } from '../call/presence';
import type { Roster } from '../e2ee/messages';
import css from './call.module.css';

interface Props {
  dialog: RefObject<HTMLDialogElement | null>;
  roster: Roster | undefined;
  presence: Presence;
}

export function EncryptionDialog({ dialog, roster, presence }: Props) {
  const groups = (roster?.roomCode ?? '').match(/\d{5}/g) ?? [];
  const inside = new Set(roster?.members.map((member) => member.participant));
  const outside = [...presence.keys()].filter((participant) => !inside.has(participant));
  return (
    <dialog ref={dialog} class={css.dialog} aria-labelledby="encryption-title">
      <h2 id="encryption-title">Encrypted end to end</h2>
      <p>
        Sound and picture are encrypted in this browser and opened only in those of the people
        below. To be sure that nobody sits in between, read the room code to each other: everybody
        must see the same digits.
      </p>
      <p class={css.code} aria-label="Room code">
        {groups.map((group, index) => (
          <span key={`${index}-${group}`}>{group}</span>
        ))}
      </p>
      <h3>In the encrypted call</h3>
      <ul>
        {roster?.members.map((member) => (
          <li key={member.leaf}>{member.own ? `${member.name} (you)` : member.name}</li>
        ))}
        {outside.map((participant) => (
          <li key={`outside ${participant}`} class={css.outside}>
            Participant {participant}: not in the encrypted call
          </li>
        ))}
      </ul>
      <form method="dialog">
        <button type="submit" class={css.control}>
          Close
        </button>
      </form>
    </dialog>
  );
}
