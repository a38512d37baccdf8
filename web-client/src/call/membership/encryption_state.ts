/** The state of a call's end-to-end encryption, as shown to the person. */

import type { Roster, Trust } from '../../e2ee/messages';
import { type Sentence, sentence } from '../../i18n/i18n';

export type EncryptionState =
  /** Keys are being agreed on. */
  | { kind: 'forming' }
  /** Every member was recently verified to be in the same call. */
  | { kind: 'confirmed' }
  /** These members sent no valid heartbeat for a while. */
  | { kind: 'unconfirmed'; names: readonly string[] }
  /** These members use a name that had another identity key before. */
  | { kind: 'changed'; names: readonly string[] };

/** Returns the most serious state that applies. `unconfirmed` holds participant ids. */
export function encryptionState(
  roster: Roster | undefined,
  unconfirmed: readonly number[],
): EncryptionState {
  if (roster === undefined) return { kind: 'forming' };
  const names = (matches: (member: Roster['members'][number]) => boolean): string[] =>
    roster.members.filter(matches).map((member) => member.name);
  const changed = names((member) => member.trust === 'changed');
  if (changed.length > 0) return { kind: 'changed', names: changed };
  const silent = names((member) => unconfirmed.includes(member.participant));
  if (silent.length > 0) return { kind: 'unconfirmed', names: silent };
  return { kind: 'confirmed' };
}

/** Returns a trust level in words. */
export function trustSentence(trust: Trust): Sentence {
  switch (trust) {
    case 'own':
      return sentence('trust.own');
    case 'verified':
      return sentence('trust.verified');
    case 'known':
      return sentence('trust.known');
    case 'new':
      return sentence('trust.new');
    case 'changed':
      return sentence('trust.changed');
  }
}
