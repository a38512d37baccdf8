/** The convolutions in which the network spends its time, in WebAssembly with four numbers at a
 * time. */

import { MIX } from './mix.gen';

const FLOAT_BYTES = 4;
const PAGE_BYTES = 65_536;
/** Pixels and outputs that are worked on together. */
const LANES = 4;

interface Exports {
  memory: WebAssembly.Memory;
  mix: (...addressesAndSizes: number[]) => void;
  depthwise: (...addressesAndSizes: number[]) => void;
}

/** The weights of one depthwise filter, in its own order. */
export interface Kept {
  weights: number;
  bias: number;
}

/** The filter at one pixel: where it begins on the picture and in itself, in numbers, and how much
 * of it lies on the picture. */
export interface Reach {
  source: number;
  weight: number;
  rows: number;
  columns: number;
}

/** The weights of one filter, where the code reads them. */
export interface Mixable {
  weights: number;
  bias: number;
  inputs: number;
  outputs: number;
}

export class Mixer {
  readonly #code: Exports;
  /** What lies before this address stays; behind it is room for one multiplication. */
  #end = 0;

  constructor() {
    const bytes = Uint8Array.from(atob(MIX), (character) => character.charCodeAt(0));
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    this.#code = instance.exports as unknown as Exports;
  }

  /** Keeps the weights of a filter: rows of inputs, one per output. Only whole groups of outputs
   * can be worked on. */
  keep(weights: Float32Array, bias: Float32Array): Mixable | undefined {
    const outputs = bias.length;
    if (outputs % LANES !== 0) return undefined;
    const inputs = weights.length / outputs;
    const kept = { weights: this.#end, bias: 0, inputs, outputs };
    kept.bias = kept.weights + weights.length * FLOAT_BYTES;
    this.#end = kept.bias + outputs * FLOAT_BYTES;
    this.#reserve(this.#end);
    const mixed = this.#floats(kept.weights, weights.length);
    for (let out = 0; out < outputs; out += 1) {
      const group = (out - (out % LANES)) * inputs + (out % LANES);
      for (let at = 0; at < inputs; at += 1) {
        mixed[group + at * LANES] = weights[out * inputs + at] as number;
      }
    }
    this.#floats(kept.bias, outputs).set(bias);
    return kept;
  }

  /** Works out all outputs of rows of inputs. */
  mix(values: Float32Array, { weights, bias, inputs, outputs }: Mixable, to: Float32Array): void {
    const pixels = values.length / inputs;
    const whole = Math.ceil(pixels / LANES) * LANES;
    const from = this.#end;
    const target = from + whole * inputs * FLOAT_BYTES;
    this.#reserve(target + whole * outputs * FLOAT_BYTES);
    this.#floats(from, values.length).set(values);
    this.#code.mix(from, weights, bias, target, whole, inputs, outputs);
    to.set(this.#floats(target, pixels * outputs));
  }

  /** Keeps the weights of a depthwise filter, if its channels come in fours. */
  keepDepthwise(weights: Float32Array, bias: Float32Array): Kept | undefined {
    if (bias.length % LANES !== 0) return undefined;
    const kept = { weights: this.#end, bias: this.#end + weights.length * FLOAT_BYTES };
    this.#end = kept.bias + bias.length * FLOAT_BYTES;
    this.#reserve(this.#end);
    this.#floats(kept.weights, weights.length).set(weights);
    this.#floats(kept.bias, bias.length).set(bias);
    return kept;
  }

  /** Works out every channel by itself; `reach` tells where the filter lies for each pixel. */
  depthwise(
    values: Float32Array,
    kept: Kept,
    { channels, width, filterWidth }: { channels: number; width: number; filterWidth: number },
    reach: (pixel: number) => Reach,
    to: Float32Array,
  ): void {
    const from = this.#end;
    const target = from + values.length * FLOAT_BYTES;
    this.#reserve(target + to.length * FLOAT_BYTES);
    this.#floats(from, values.length).set(values);
    const depth = channels * FLOAT_BYTES;
    for (let pixel = 0; pixel < to.length / channels; pixel += 1) {
      const { source, weight, rows, columns } = reach(pixel);
      this.#code.depthwise(
        from + source * FLOAT_BYTES,
        kept.weights + weight * FLOAT_BYTES,
        kept.bias,
        target + pixel * depth,
        rows,
        columns,
        width * depth,
        filterWidth * depth,
        depth,
      );
    }
    to.set(this.#floats(target, to.length));
  }

  #floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#code.memory.buffer, address, length);
  }

  #reserve(bytes: number): void {
    const missing = bytes - this.#code.memory.buffer.byteLength;
    if (missing > 0) this.#code.memory.grow(Math.ceil(missing / PAGE_BYTES));
  }
}
