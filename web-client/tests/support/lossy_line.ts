/** A bad line: all media of one person goes through it, both ways, and it loses what it is told to. */

import { createSocket, type Socket } from 'node:dgram';
import type { Person } from './person';

/** RFC 8839 section 5.1, of UDP over IPv4: all but the address and the port, and these two. */
const CANDIDATE = /^a=candidate:\S+ \d+ udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) /im;

/** Fewer than this cross it in a second, by far: a browser has one or two sockets. */
const SOCKETS = 64;

export class LossyLine {
  /** The share of the packets that are lost, 0…1, each for itself. */
  loss = 0;
  /** Packets that came into it, and those of them that were lost. */
  carried = 0;
  lost = 0;
  /** How long a packet takes over it, in milliseconds. */
  delay = 0;
  /** Media packets that came under a number that had been there before, and those of them that were
   * not the same as then. */
  readonly repeated = { up: 0, down: 0 };
  altered = 0;
  #closed = false;
  readonly #media = new Map<string, Buffer>();
  readonly #sockets: Socket[] = [];

  /** From the next page on, the SFU is reached over this line only. */
  async carry(person: Person): Promise<void> {
    await person.page.routeWebSocket('**/api/v1/socket', (page) => {
      const server = page.connectToServer();
      server.onMessage((message) => {
        const text = message.toString();
        if (!text.startsWith('{"type":"answer"')) {
          page.send(message);
          return;
        }
        void this.#detour(JSON.parse(text) as { type: string; sdp: string }).then((answer) =>
          page.send(JSON.stringify(answer)),
        );
      });
    });
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#sockets) socket.close();
  }

  /** The answer with one candidate: the near end of the line. */
  async #detour(answer: { type: string; sdp: string }): Promise<object> {
    const [whole, address, port] = CANDIDATE.exec(answer.sdp) ?? [];
    if (whole === undefined || address === undefined) throw new Error('nowhere to lead the line');
    const near = await this.#open(address, Number(port));
    const detoured = whole.replace(` ${port} `, ` ${near} `);
    const lines = answer.sdp.split('\r\n').map((line) => {
      if (!line.startsWith('a=candidate:')) return line;
      return line.startsWith(whole) ? line.replace(whole, detoured) : undefined;
    });
    return { ...answer, sdp: lines.filter((line) => line !== undefined).join('\r\n') };
  }

  /** A port from which packets go on to the far end, and back to whoever sent them. */
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

  /** RTP (RFC 5761 section 4, RFC 7983): the SSRC and the number say which packet it is. */
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
    if (this.#sockets.length >= SOCKETS) throw new Error('the line has too many ends');
    const socket = createSocket('udp4');
    this.#sockets.push(socket);
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    return socket;
  }
}
