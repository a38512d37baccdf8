/** TURN servers (RFC 8656), whose credentials expire. */

import type { JoinToken } from '../signaling/http';

type IssuedServers = Pick<JoinToken, 'iceServers' | 'iceServersExpireAt'>;

/** Gathering may start a little after the credentials were requested. */
const MARGIN_MS = 15_000;

export class TurnServers {
  #issued: IssuedServers;

  constructor(
    issued: IssuedServers,
    readonly renew: () => Promise<IssuedServers>,
  ) {
    this.#issued = issued;
  }

  /** Returns servers with valid credentials. If they cannot be renewed, it returns the expired ones:
   * allocations that exist continue to work. */
  async usable(): Promise<RTCIceServer[]> {
    const { iceServers, iceServersExpireAt } = this.#issued;
    if (iceServers.length > 0 && Date.now() + MARGIN_MS > iceServersExpireAt) {
      this.#issued = await this.renew().catch(() => this.#issued);
    }
    return this.#issued.iceServers;
  }
}
