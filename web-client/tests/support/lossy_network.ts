/** A UDP relay between one participant and the SFU, with configurable loss and delay. */

import { createSocket, type Socket } from 'node:dgram';
import type { Person } from './person';

/** A UDP candidate over IPv4 (RFC 8839 section 5.1); the groups are its address and port. */
const CANDIDATE = /^a=candidate:\S+ \d+ udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) /im;

/** Upper bound on relay sockets. A browser uses one or two. */
const SOCKETS = 64;

export class LossyNetwork {
  /** Probability that a packet is lost, 0 to 1, independently of others. */
  loss = 0;
  /** Packets received, and those of them that were lost. */
  carried = 0;
  lost = 0;
  /** Delay of each packet, in ms. */
  delay = 0;
  /** Media packets with an SSRC and sequence number seen before, and those of them that differ. */
  readonly repeated = { up: 0, down: 0 };
  altered = 0;
  #closed = false;
  readonly #media = new Map<string, Buffer>();
  readonly #sockets: Socket[] = [];

  /** From the next page load, the participant reaches the SFU through this relay only. */
  async carry(person: Person): Promise<void> {
    await person.page.routeWebSocket('**/api/v1/socket', (page) => {
      const server = page.connectToServer();
      server.onMessage((message) => {
        const text = message.toString();
        if (!text.startsWith('{"topic":"media","type":"answer"')) {
          page.send(message);
          return;
        }
        void this.#relayAnswer(JSON.parse(text) as { type: string; sdp: string }).then((answer) =>
          page.send(JSON.stringify(answer)),
        );
      });
    });
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#sockets) socket.close();
  }

  /** Returns the answer with one candidate, the relay's address. */
  async #relayAnswer(answer: { type: string; sdp: string }): Promise<object> {
    const [whole, address, port] = CANDIDATE.exec(answer.sdp) ?? [];
    if (whole === undefined || address === undefined)
      throw new Error('the answer has no UDP candidate');
    const near = await this.#open(address, Number(port));
    const relayed = whole.replace(` ${port} `, ` ${near} `);
    const lines = answer.sdp.split('\r\n').map((line) => {
      if (!line.startsWith('a=candidate:')) return line;
      return line.startsWith(whole) ? line.replace(whole, relayed) : undefined;
    });
    return { ...answer, sdp: lines.filter((line) => line !== undefined).join('\r\n') };
  }

  /** Opens a port that relays packets to the far end and answers to their senders. */
  async #open(address: string, far: number): Promise<number> {
    const near = await this.#socket(address);
    const ways = new Map<string, Promise<Socket>>();
    near.on('message', (packet, from) => {
      const whom = `${from.address}:${from.port}`;
      let way = ways.get(whom);
      if (way === undefined) {
        way = this.#socket(address).then((socket) => {
          socket.on('message', (answer) =>
            this.#pass('down', answer, () => near.send(answer, from.port, from.address)),
          );
          return socket;
        });
        ways.set(whom, way);
      }
      void way.then((socket) => this.#pass('up', packet, () => socket.send(packet, far, address)));
    });
    return near.address().port;
  }

  #pass(way: 'up' | 'down', packet: Buffer, send: () => void): void {
    this.carried += 1;
    this.#compare(way, packet);
    if (Math.random() < this.loss) this.lost += 1;
    else if (this.delay === 0) send();
    else setTimeout(() => this.#closed || send(), this.delay);
  }

  /** Compares RTP packets (RFC 5761 section 4, RFC 7983) that have the same SSRC and sequence number. */
  #compare(way: 'up' | 'down', packet: Buffer): void {
    const [first = 0, second = 0] = packet;
    if (first < 128 || first > 191 || (second >= 192 && second <= 223)) return;
    const name = `${way} ${packet.toString('hex', 8, 12)} ${packet.readUInt16BE(2)}`;
    const before = this.#media.get(name);
    if (before === undefined) {
      this.#media.set(name, Buffer.from(packet));
      return;
    }
    this.repeated[way] += 1;
    if (!before.equals(packet)) this.altered += 1;
  }

  async #socket(address: string): Promise<Socket> {
    if (this.#sockets.length >= SOCKETS) throw new Error('too many relay sockets');
    const socket = createSocket('udp4');
    this.#sockets.push(socket);
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    return socket;
  }
}
