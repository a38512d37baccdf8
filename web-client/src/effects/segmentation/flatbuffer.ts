/** Reads tables of a FlatBuffer (https://flatbuffers.dev/internals), as far as models need it. A
 * buffer that is cut short throws a `RangeError`. */

export class Table {
  constructor(
    readonly view: DataView,
    readonly at: number,
  ) {}

  static root(bytes: ArrayBuffer): Table {
    const view = new DataView(bytes);
    return new Table(view, view.getUint32(0, true));
  }

  int8(field: number, otherwise: number): number {
    const place = this.#place(field);
    return place === 0 ? otherwise : this.view.getInt8(place);
  }

  int32(field: number, otherwise: number): number {
    const place = this.#place(field);
    return place === 0 ? otherwise : this.view.getInt32(place, true);
  }

  table(field: number): Table | undefined {
    const place = this.#place(field);
    return place === 0 ? undefined : this.#follow(place);
  }

  tables(field: number): Table[] {
    const { start, length } = this.#vector(field);
    return Array.from({ length }, (_, at) => this.#follow(start + at * 4));
  }

  ints(field: number): number[] {
    const { start, length } = this.#vector(field);
    return Array.from({ length }, (_, at) => this.view.getInt32(start + at * 4, true));
  }

  /** A copy, so that it lies where an array of numbers may lie. */
  bytes(field: number): Uint8Array<ArrayBuffer> {
    const { start, length } = this.#vector(field);
    return new Uint8Array(this.view.buffer as ArrayBuffer, start, length).slice();
  }

  text(field: number): string {
    return new TextDecoder().decode(this.bytes(field));
  }

  /** Where a field is; 0 if it is left out. */
  #place(field: number): number {
    const virtual = this.at - this.view.getInt32(this.at, true);
    const entry = 4 + field * 2;
    if (entry >= this.view.getUint16(virtual, true)) return 0;
    const offset = this.view.getUint16(virtual + entry, true);
    return offset === 0 ? 0 : this.at + offset;
  }

  #follow(place: number): Table {
    return new Table(this.view, place + this.view.getUint32(place, true));
  }

  #vector(field: number): { start: number; length: number } {
    const place = this.#place(field);
    if (place === 0) return { start: 0, length: 0 };
    const vector = place + this.view.getUint32(place, true);
    return { start: vector + 4, length: this.view.getUint32(vector, true) };
  }
}
