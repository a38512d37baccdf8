/** The people whom this browser knows, in memory and in IndexedDB. Where nothing can be stored,
 * they are known for this visit. */

import { inStore, request } from './database';
import { excess, type Known, meet, type Trust, trustIn } from './trust';

export class Acquaintances {
  readonly #people: Map<string, Known>;
  /** Judged once a visit: being met does not make a stranger known. */
  readonly #before: Map<string, Known>;

  private constructor(
    people: Map<string, Known>,
    readonly room: string,
    readonly own: string,
  ) {
    this.#people = people;
    this.#before = new Map(people);
  }

  static async load(room: string, own: string): Promise<Acquaintances> {
    const people = await inStore('people', 'readonly', (store) =>
      request<Known[]>(store.getAll()),
    ).catch((): Known[] => []);
    return new Acquaintances(new Map(people.map((one) => [one.key, one])), room, own);
  }

  /** The standing of everybody in the call, in their order; whoever is here was met. */
  judge(members: readonly { key: string; name: string }[], now: number): Trust[] {
    const present = new Set(members.map((member) => member.key));
    return members.map((member) => {
      if (member.key === this.own) return 'own';
      const trust = trustIn(this.#before, this.room, member, present);
      this.#keep(meet(this.#people, this.room, member, now));
      return trust;
    });
  }

  /** Their code was compared: it was the same, or the person takes that back. */
  verify(member: { key: string; name: string }, verified: boolean, now: number): void {
    const known = { ...meet(this.#people, this.room, member, now), verified };
    this.#before.set(member.key, known);
    this.#keep(known);
  }

  #keep(known: Known): void {
    const before = this.#people.get(known.key);
    this.#people.set(known.key, known);
    // Once a minute is often enough to remember when somebody was last met.
    const same = before?.name === known.name && before.verified === known.verified;
    if (same && known.lastMet - before.lastMet < 60_000) return;
    const gone = excess(this.#people);
    for (const key of gone) this.#people.delete(key);
    void inStore('people', 'readwrite', async (store) => {
      for (const key of gone) await request(store.delete(key));
      await request(store.put(known, known.key));
    }).catch(() => undefined);
  }
}
