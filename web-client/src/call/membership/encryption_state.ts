/** What a person has to know about the encryption of the call, in one word and a few names. */

import type { Roster, Trust } from '../../e2ee/messages';
import { type Sentence, sentence } from '../../i18n/i18n';

export type EncryptionState =
  /** Keys are being agreed on. */
  | { kind: 'forming' }
  /** Everybody is known to be in the same call. */
  | { kind: 'confirmed' }
  /** Of these members nothing was heard for a while: it can't be confirmed. */
  | { kind: 'unconfirmed'; names: readonly string[] }
  /** These came under a name that had another key before. */
  | { kind: 'changed'; names: readonly string[] };

/** The gravest thing comes first. */
export function encryptionState(
  roster: Roster | undefined,
  unconfirmed: readonly number[],
): EncryptionState {
  if (roster === undefined) return { kind: 'forming' };
  const names = (fits: (member: Roster['members'][number]) => boolean): string[] =>
    roster.members.filter(fits).map((member) => member.name);
  const changed = names((member) => member.trust === 'changed');
  if (changed.length > 0) return { kind: 'changed', names: changed };
  const silent = names((member) => unconfirmed.includes(member.participant));
  if (silent.length > 0) return { kind: 'unconfirmed', names: silent };
  return { kind: 'confirmed' };
}

/** What somebody's standing means. */
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
