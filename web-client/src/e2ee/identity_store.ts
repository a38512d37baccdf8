/** The identities that this browser knows, in memory and in IndexedDB. Without storage they last for
 * this visit. */

import { inStore, request } from './database';
import {
  evaluateTrust,
  type KnownIdentity,
  recordMeeting,
  selectEvictions,
  type Trust,
} from './trust';

/** A member's identity key in hexadecimal, and the name that it uses. */
export interface IdentityOfMember {
  key: string;
  name: string;
}

/** How often the time of the last meeting is stored. */
const UPDATE_INTERVAL_MS = 60_000;

export class IdentityStore {
  readonly #identities: Map<string, KnownIdentity>;
  /** As of the start of the visit: a new member does not become known during it. */
  readonly #atStart: Map<string, KnownIdentity>;

  private constructor(
    identities: Map<string, KnownIdentity>,
    readonly room: string,
    readonly ownKey: string,
  ) {
    this.#identities = identities;
    this.#atStart = new Map(identities);
  }

  static async load(room: string, ownKey: string): Promise<IdentityStore> {
    const identities = await inStore('people', 'readonly', (store) =>
      request<KnownIdentity[]>(store.getAll()),
    ).catch((): KnownIdentity[] => []);
    return new IdentityStore(new Map(identities.map((one) => [one.key, one])), room, ownKey);
  }

  /** Returns the trust in all members of the call, in their order, and records that they were seen. */
  evaluate(members: readonly IdentityOfMember[], now: number): Trust[] {
    const present = new Set(members.map((member) => member.key));
    return members.map((member) => {
      if (member.key === this.ownKey) return 'own';
      const trust = evaluateTrust(this.#atStart, this.room, member, present);
      this.#save(recordMeeting(this.#identities, this.room, member, now));
      return trust;
    });
  }

  /** Pins a member's key after its code was compared, or unpins it. */
  setVerified(member: IdentityOfMember, verified: boolean, now: number): void {
    const known = { ...recordMeeting(this.#identities, this.room, member, now), verified };
    this.#atStart.set(member.key, known);
    this.#save(known);
  }

  #save(known: KnownIdentity): void {
    const before = this.#identities.get(known.key);
    this.#identities.set(known.key, known);
    const same = before?.name === known.name && before.verified === known.verified;
    if (same && known.lastMet - before.lastMet < UPDATE_INTERVAL_MS) return;
    const evicted = selectEvictions(this.#identities);
    for (const key of evicted) this.#identities.delete(key);
    void inStore('people', 'readwrite', async (store) => {
      for (const key of evicted) await request(store.delete(key));
      await request(store.put(known, known.key));
    }).catch(() => undefined);
  }
}
