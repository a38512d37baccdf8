/** Who is in the encrypted group, and the codes by which people check that they are in the same,
 * and with whom. */

import type { RefObject } from 'preact';
import type { Call } from '../call/call';
import { type EncryptionState, trustSentence } from '../call/encryption';
import type { Member } from '../e2ee/messages';
import css from './encryption.module.css';

interface Props {
  dialog: RefObject<HTMLDialogElement | null>;
  call: Call;
}

export function EncryptionDialog({ dialog, call }: Props) {
  const members = call.roster.value?.members ?? [];
  const inside = new Set(members.map((member) => member.participant));
  const outside = [...call.presence.value.keys()].filter((one) => !inside.has(one));
  return (
    <dialog ref={dialog} class={css.dialog} aria-labelledby="encryption-title">
      <h2 id="encryption-title">Encrypted end to end</h2>
      <p>
        Sound, picture and chat are encrypted in this browser and opened only in those of the people
        below. To be sure that nobody sits in between, read the room code to each other: everybody
        must see the same digits.
      </p>
      <StateSentence state={call.encryption.value} />
      <Code label="Room code" code={call.roster.value?.roomCode ?? ''} />
      <h3>In the encrypted call</h3>
      <ul class={css.people}>
        {members.map((member) => (
          <Person key={member.leaf} member={member} call={call} />
        ))}
        {outside.map((participant) => (
          <li key={`outside ${participant}`} class={css.danger}>
            Participant {participant}: not in the encrypted call
          </li>
        ))}
      </ul>
      <form method="dialog">
        <button type="submit" class={css.button}>
          Close
        </button>
      </form>
    </dialog>
  );
}

function StateSentence({ state }: { state: EncryptionState }) {
  switch (state.kind) {
    case 'forming':
      return <p>Keys are being agreed on.</p>;
    case 'confirmed':
      return <p>Everybody has proved in the last seconds to be in this very call.</p>;
    case 'unconfirmed':
      return (
        <p class={css.danger}>
          It can’t be confirmed that {list(state.names)} can hear you in this very call: nothing was
          heard for fifteen seconds. A connection may be slow, or the server keeps you apart.
        </p>
      );
    case 'changed':
      return (
        <p class={css.danger}>
          {list(state.names)} came with another key than before. Compare codes below.
        </p>
      );
  }
}

function Person({ member, call }: { member: Member; call: Call }) {
  const verified = member.trust === 'verified';
  return (
    <li data-trust={member.trust}>
      <strong>{member.own ? `${member.name} (you)` : member.name}</strong>{' '}
      <span class={member.trust === 'changed' ? css.danger : undefined}>
        {trustSentence(member.trust)}
      </span>
      {member.pairwiseCode !== undefined && (
        <details>
          <summary>{verified ? 'Show the code' : 'Compare codes'}</summary>
          <p>
            Ask {member.name} to open this list and read you the code beside your name, in this call
            or better on another way. It must be this one:
          </p>
          <Code label={`Code with ${member.name}`} code={member.pairwiseCode} />
          <button
            type="button"
            class={css.button}
            onClick={() => call.verify(member.leaf, !verified)}
          >
            {verified ? 'Not verified any more' : 'It is the same'}
          </button>
          {!verified && (
            <p>
              If it is another one, somebody sits in between, or it is not {member.name}: leave the
              call.
            </p>
          )}
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

export function list(names: readonly string[]): string {
  return new Intl.ListFormat('en').format(names);
}
