/** What a person has to know about the encryption of the call, in one word and a few names. */

import type { Roster, Trust } from '../e2ee/messages';

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

/** What somebody's standing means, in a sentence. */
export function trustSentence(trust: Trust): string {
  switch (trust) {
    case 'own':
      return 'This is you.';
    case 'verified':
      return 'Verified: you have compared your codes.';
    case 'known':
      return 'You have met before, under the same key.';
    case 'new':
      return 'You meet for the first time. Compare codes to be sure who it is.';
    case 'changed':
      return 'Careful: whoever had this name here before had another key. It may be a new device, or somebody who pretends. Compare codes before you trust.';
  }
}
