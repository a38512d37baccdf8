/** Reads tables of a FlatBuffer (https://flatbuffers.dev/internals), as far as models need it. A
 * truncated buffer throws a `RangeError`. */

export class Table {
  constructor(
    readonly view: DataView,
    readonly at: number,
  ) {}

  static root(bytes: ArrayBuffer): Table {
    const view = new DataView(bytes);
    return new Table(view, view.getUint32(0, true));
  }

  int8(field: number, fallback: number): number {
    const position = this.#offset(field);
    return position === 0 ? fallback : this.view.getInt8(position);
  }

  int32(field: number, fallback: number): number {
    const position = this.#offset(field);
    return position === 0 ? fallback : this.view.getInt32(position, true);
  }

  table(field: number): Table | undefined {
    const position = this.#offset(field);
    return position === 0 ? undefined : this.#follow(position);
  }

  tables(field: number): Table[] {
    const { start, length } = this.#vector(field);
    return Array.from({ length }, (_, at) => this.#follow(start + at * 4));
  }

  ints(field: number): number[] {
    const { start, length } = this.#vector(field);
    return Array.from({ length }, (_, at) => this.view.getInt32(start + at * 4, true));
  }

  /** Returns a copy, which is aligned for any typed array. */
  bytes(field: number): Uint8Array<ArrayBuffer> {
    const { start, length } = this.#vector(field);
    return new Uint8Array(this.view.buffer as ArrayBuffer, start, length).slice();
  }

  text(field: number): string {
    return new TextDecoder().decode(this.bytes(field));
  }

  /** Returns the offset of a field; 0 if it is absent. */
  #offset(field: number): number {
    const vtable = this.at - this.view.getInt32(this.at, true);
    const entry = 4 + field * 2;
    if (entry >= this.view.getUint16(vtable, true)) return 0;
    const offset = this.view.getUint16(vtable + entry, true);
    return offset === 0 ? 0 : this.at + offset;
  }

  #follow(position: number): Table {
    return new Table(this.view, position + this.view.getUint32(position, true));
  }

  #vector(field: number): { start: number; length: number } {
    const position = this.#offset(field);
    if (position === 0) return { start: 0, length: 0 };
    const vector = position + this.view.getUint32(position, true);
    return { start: vector + 4, length: this.view.getUint32(vector, true) };
  }
}
