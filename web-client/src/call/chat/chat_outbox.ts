/** Own messages that are not delivered yet, so that they can be sent again after a rejoin. */

import type { Content } from '../../e2ee/messages';

interface Pending {
  content: Content;
  /** The message id; unknown until the encryption has sealed it. */
  id: string | undefined;
}

export class ChatOutbox {
  #lastSendId = 0;
  readonly #pending = new Map<number, Pending>();

  /** Adds a message; returns its send id. */
  add(content: Content): number {
    this.#lastSendId += 1;
    this.#pending.set(this.#lastSendId, { content, id: undefined });
    return this.#lastSendId;
  }

  /** Records the message id under which a message will be delivered. */
  assignId(sendId: number, id: string): void {
    const pending = this.#pending.get(sendId);
    if (pending !== undefined) pending.id = id;
  }

  /** Removes a message that cannot be sent. */
  remove(sendId: number): void {
    this.#pending.delete(sendId);
  }

  /** Removes the message that was delivered under this id. */
  handleDelivered(id: string): void {
    for (const [sendId, pending] of this.#pending) {
      if (pending.id === id) this.#pending.delete(sendId);
    }
  }

  /** Returns everything that is not delivered, oldest first, and forgets the ids: the group they
   * belonged to is gone. */
  takeForResend(): [sendId: number, content: Content][] {
    return [...this.#pending].map(([sendId, pending]) => {
      pending.id = undefined;
      return [sendId, pending.content];
    });
  }
}
