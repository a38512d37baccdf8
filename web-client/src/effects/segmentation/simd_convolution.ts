/** Pointwise and depthwise convolution in WebAssembly with SIMD, four numbers at a time. The network
 * spends most of its time in them. */

import { WASM } from './simd_convolution.gen';

const FLOAT_BYTES = 4;
const PAGE_BYTES = 65_536;
/** Pixels, outputs and channels that are processed together. */
const LANES = 4;

interface Exports {
  memory: WebAssembly.Memory;
  pointwise: (...addressesAndSizes: number[]) => void;
  depthwise: (...addressesAndSizes: number[]) => void;
}

/** The addresses of a depthwise filter that was loaded. */
export interface DepthwiseFilter {
  weights: number;
  bias: number;
}

/** The overlap of a filter at one output pixel with the input. */
export interface Overlap {
  /** The index of the first number of the input. */
  source: number;
  /** The index of the first weight. */
  weight: number;
  rows: number;
  columns: number;
}

/** The addresses and sizes of a pointwise filter that was loaded. */
export interface PointwiseFilter {
  weights: number;
  bias: number;
  inputs: number;
  outputs: number;
}

export class SimdConvolution {
  readonly #code: Exports;
  /** Filters are before this address; the inputs and outputs of one convolution are after it. */
  #end = 0;

  constructor() {
    const bytes = Uint8Array.from(atob(WASM), (character) => character.charCodeAt(0));
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    this.#code = instance.exports as unknown as Exports;
  }

  /** Loads a pointwise filter: rows of inputs, one per output. Returns `undefined` unless the number
   * of outputs is a multiple of four. */
  loadPointwise(weights: Float32Array, bias: Float32Array): PointwiseFilter | undefined {
    const outputs = bias.length;
    if (outputs % LANES !== 0) return undefined;
    const inputs = weights.length / outputs;
    const filter = { weights: this.#end, bias: 0, inputs, outputs };
    filter.bias = filter.weights + weights.length * FLOAT_BYTES;
    this.#end = filter.bias + outputs * FLOAT_BYTES;
    this.#reserve(this.#end);
    const interleaved = this.#floats(filter.weights, weights.length);
    for (let out = 0; out < outputs; out += 1) {
      const group = (out - (out % LANES)) * inputs + (out % LANES);
      for (let at = 0; at < inputs; at += 1) {
        interleaved[group + at * LANES] = weights[out * inputs + at] as number;
      }
    }
    this.#floats(filter.bias, outputs).set(bias);
    return filter;
  }

  /** Computes all outputs of rows of inputs. */
  pointwise(
    values: Float32Array,
    { weights, bias, inputs, outputs }: PointwiseFilter,
    to: Float32Array,
  ): void {
    const pixels = values.length / inputs;
    const whole = Math.ceil(pixels / LANES) * LANES;
    const from = this.#end;
    const target = from + whole * inputs * FLOAT_BYTES;
    this.#reserve(target + whole * outputs * FLOAT_BYTES);
    this.#floats(from, values.length).set(values);
    this.#code.pointwise(from, weights, bias, target, whole, inputs, outputs);
    to.set(this.#floats(target, pixels * outputs));
  }

  /** Loads a depthwise filter. Returns `undefined` unless the number of channels is a multiple of
   * four. */
  loadDepthwise(weights: Float32Array, bias: Float32Array): DepthwiseFilter | undefined {
    if (bias.length % LANES !== 0) return undefined;
    const filter = { weights: this.#end, bias: this.#end + weights.length * FLOAT_BYTES };
    this.#end = filter.bias + bias.length * FLOAT_BYTES;
    this.#reserve(this.#end);
    this.#floats(filter.weights, weights.length).set(weights);
    this.#floats(filter.bias, bias.length).set(bias);
    return filter;
  }

  /** Computes every channel separately; `overlapAt` returns the overlap for an output pixel. */
  depthwise(
    values: Float32Array,
    filter: DepthwiseFilter,
    { channels, width, filterWidth }: { channels: number; width: number; filterWidth: number },
    overlapAt: (pixel: number) => Overlap,
    to: Float32Array,
  ): void {
    const from = this.#end;
    const target = from + values.length * FLOAT_BYTES;
    this.#reserve(target + to.length * FLOAT_BYTES);
    this.#floats(from, values.length).set(values);
    const depth = channels * FLOAT_BYTES;
    for (let pixel = 0; pixel < to.length / channels; pixel += 1) {
      const { source, weight, rows, columns } = overlapAt(pixel);
      this.#code.depthwise(
        from + source * FLOAT_BYTES,
        filter.weights + weight * FLOAT_BYTES,
        filter.bias,
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
