/** Servers that relay media where a direct way is barred, with credentials that run out. */

import type { JoinToken } from '../signaling/http';

type Issued = Pick<JoinToken, 'relays' | 'relaysUntil'>;

/** Gathering may begin a little after the question. */
const MARGIN_MS = 15_000;

export class Relays {
  #issued: Issued;

  constructor(
    issued: Issued,
    readonly renew: () => Promise<Issued>,
  ) {
    this.#issued = issued;
  }

  /** Those that relaying can begin by now. Where no fresh ones are to be had the old ones are
   * given: what runs already goes on by them. */
  async usable(): Promise<RTCIceServer[]> {
    const { relays, relaysUntil } = this.#issued;
    if (relays.length > 0 && Date.now() + MARGIN_MS > relaysUntil) {
      this.#issued = await this.renew().catch(() => this.#issued);
    }
    return this.#issued.relays;
  }
}
