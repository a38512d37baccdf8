/**
 * Runs a network in TensorFlow Lite's format with the few operators that person segmentation needs
 * (MobileNetV3 with a decoder: about 33 million multiplications per frame). The libraries for such
 * models add ten megabytes of code, or evaluate strings, which this page does not allow; the model
 * itself is a quarter of a megabyte.
 *
 * Format: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
 */

import { Table } from './flatbuffer';
import {
  add,
  convolve,
  convolveDepthwise,
  convolveTransposed,
  type Filter,
  hardSwish,
  logistic,
  mean,
  multiply,
  relu,
  resizeBilinear,
  type Tensor,
} from './kernels';
import { SimdConvolution } from './simd_convolution';

/** Operator codes of the schema. */
const OPERATOR = {
  ADD: 0,
  CONV_2D: 3,
  DEPTHWISE_CONV_2D: 4,
  DEQUANTIZE: 6,
  LOGISTIC: 14,
  MUL: 18,
  RELU: 19,
  RESIZE_BILINEAR: 23,
  CUSTOM: 32,
  MEAN: 40,
  HARD_SWISH: 117,
} as const;
const FLOAT16 = 1;
const SAME_PADDING = 0;

export class Network {
  readonly input: Tensor;
  readonly output: Tensor;
  readonly #steps: readonly (() => void)[];

  /** Throws a `TypeError` for an unsupported model, and a `RangeError` for a truncated one. */
  constructor(bytes: ArrayBuffer) {
    const model = new Model(bytes);
    this.#steps = model.steps();
    this.input = model.tensor(model.inputs[0] ?? -1);
    this.output = model.tensor(model.outputs[0] ?? -1);
  }

  /** Computes `output` from `input`. */
  run(): void {
    for (const step of this.#steps) step();
  }
}

class Model {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly #codes: readonly Table[];
  readonly #buffers: readonly Table[];
  readonly #tables: readonly Table[];
  readonly #operators: readonly Table[];
  readonly #simd = new SimdConvolution();
  readonly #tensors = new Map<number, Tensor>();

  constructor(bytes: ArrayBuffer) {
    const model = Table.root(bytes);
    this.#codes = model.tables(1);
    this.#buffers = model.tables(4);
    const graph = model.tables(2)[0];
    if (graph === undefined) throw new TypeError('the model has no graph');
    this.#tables = graph.tables(0);
    this.inputs = graph.ints(1);
    this.outputs = graph.ints(2);
    this.#operators = graph.tables(3);
  }

  steps(): (() => void)[] {
    return this.#operators.flatMap((operator) => this.#step(operator) ?? []);
  }

  /** Returns a tensor by its index: a constant of the model, or a buffer for results. */
  tensor(index: number): Tensor {
    const known = this.#tensors.get(index);
    if (known !== undefined) return known;
    const shape = this.#table(index).ints(0);
    const [height, width, channels] = [shape.at(-3) ?? 1, shape.at(-2) ?? 1, shape.at(-1) ?? 1];
    const values =
      this.#constant(index) ?? new Float32Array(shape.reduce((size, side) => size * side, 1));
    const created = { height, width, channels, values };
    this.#tensors.set(index, created);
    return created;
  }

  #step(operator: Table): (() => void) | undefined {
    const code = this.#codes[operator.int32(0, 0)];
    const kind = Math.max(code?.int8(0, 0) ?? -1, code?.int32(3, 0) ?? -1);
    const [a = -1, b = -1, c = -1] = operator.ints(1);
    const [out = -1] = operator.ints(2);
    const options = operator.table(4);
    if (kind === OPERATOR.DEQUANTIZE) {
      // Only weights are dequantized, once, when the model is loaded.
      this.#tensors.set(out, this.tensor(a));
      return undefined;
    }
    const [from, to] = [this.tensor(a), this.tensor(out)];
    switch (kind) {
      case OPERATOR.CONV_2D: {
        const filter = this.#filter(b, c, options, from, to);
        filter.pointwise = this.#simd.loadPointwise(filter.weights, filter.bias);
        return () => convolve(from, filter, to, this.#simd);
      }
      case OPERATOR.DEPTHWISE_CONV_2D: {
        const filter = this.#filter(b, c, options, from, to);
        const loaded = this.#simd.loadDepthwise(filter.weights, filter.bias);
        return () => convolveDepthwise(from, filter, to, loaded, this.#simd);
      }
      case OPERATOR.CUSTOM: {
        if (code?.text(1) !== 'Convolution2DTransposeBias') break;
        const filter = this.#filter(b, c, undefined, from, to);
        if (from.height * filter.height !== to.height) break;
        return () => convolveTransposed(from, filter, to);
      }
      case OPERATOR.ADD: {
        const other = this.tensor(b);
        return () => add(from, other, to);
      }
      case OPERATOR.MUL: {
        const other = this.tensor(b);
        return () => multiply(from, other, to);
      }
      case OPERATOR.MEAN:
        return () => mean(from, to);
      case OPERATOR.RESIZE_BILINEAR: {
        const resizeOptions = {
          alignCorners: (options?.int8(2, 0) ?? 0) !== 0,
          halfPixels: (options?.int8(3, 0) ?? 0) !== 0,
        };
        return () => resizeBilinear(from, resizeOptions, to);
      }
      case OPERATOR.RELU:
        return () => relu(from, to);
      case OPERATOR.HARD_SWISH:
        return () => hardSwish(from, to);
      case OPERATOR.LOGISTIC:
        return () => logistic(from, to);
      default:
        break;
    }
    throw new TypeError(`the model has an unsupported operator ${kind}`);
  }

  #filter(
    weights: number,
    bias: number,
    options: Table | undefined,
    from: Tensor,
    to: Tensor,
  ): Filter {
    const { height, width, values } = this.tensor(weights);
    const [strideX, strideY] = [options?.int32(1, 1) ?? 1, options?.int32(2, 1) ?? 1];
    const same = (options?.int8(0, SAME_PADDING) ?? SAME_PADDING) === SAME_PADDING;
    const padding = (size: number, stride: number, input: number, output: number): number =>
      same ? Math.floor(Math.max(0, (output - 1) * stride + size - input) / 2) : 0;
    return {
      height,
      width,
      weights: values,
      bias: this.tensor(bias).values,
      pointwise: undefined,
      strideX,
      strideY,
      top: padding(height, strideY, from.height, to.height),
      left: padding(width, strideX, from.width, to.width),
    };
  }

  #table(index: number): Table {
    const table = this.#tables[index];
    if (table === undefined) throw new TypeError('the model refers to a missing tensor');
    return table;
  }

  #constant(index: number): Float32Array | undefined {
    const table = this.#table(index);
    const bytes = this.#buffers[table.int32(2, 0)]?.bytes(0);
    if (bytes === undefined || bytes.length === 0) return undefined;
    if (table.int8(1, 0) !== FLOAT16) return new Float32Array(bytes.buffer);
    return Float32Array.from(new Uint16Array(bytes.buffer), halfToFloat);
  }
}

/** Converts an IEEE 754 binary16 number. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
