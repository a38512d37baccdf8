/**
 * A network in TensorFlow Lite's format, of the few kinds of operators that tell people from what
 * is behind them (MobileNetV3 with a decoder: about 33 million multiplications a picture). The
 * libraries that run such models bring ten megabytes of code, or want to evaluate strings, which
 * this page does not allow; the model itself is a quarter of a megabyte.
 *
 * Format: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
 */

import { Table } from './flatbuffer';
import {
  add,
  convolve,
  convolveDepthwise,
  enlarge,
  type Filter,
  hardSwish,
  logistic,
  mean,
  multiply,
  type Picture,
  relu,
  resize,
} from './kernels';
import { Mixer } from './mixer';

/** The numbers of the schema. */
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
  readonly input: Picture;
  readonly output: Picture;
  readonly #steps: readonly (() => void)[];

  /** Throws if the model has something in it that is not known here. */
  constructor(bytes: ArrayBuffer) {
    const model = new Model(bytes);
    this.#steps = model.steps();
    this.input = model.picture(model.inputs[0] ?? -1);
    this.output = model.picture(model.outputs[0] ?? -1);
  }

  /** Works out `output` from `input`. */
  run(): void {
    for (const step of this.#steps) step();
  }
}

class Model {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly #codes: readonly Table[];
  readonly #buffers: readonly Table[];
  readonly #tensors: readonly Table[];
  readonly #operators: readonly Table[];
  readonly #mixer = new Mixer();
  readonly #pictures = new Map<number, Picture>();

  constructor(bytes: ArrayBuffer) {
    const model = Table.root(bytes);
    this.#codes = model.tables(1);
    this.#buffers = model.tables(4);
    const graph = model.tables(2)[0];
    if (graph === undefined) throw new TypeError('a model without a graph');
    this.#tensors = graph.tables(0);
    this.inputs = graph.ints(1);
    this.outputs = graph.ints(2);
    this.#operators = graph.tables(3);
  }

  steps(): (() => void)[] {
    return this.#operators.flatMap((operator) => this.#step(operator) ?? []);
  }

  /** The numbers of a tensor; those that the model brings along are there, the others come. */
  picture(tensor: number): Picture {
    const known = this.#pictures.get(tensor);
    if (known !== undefined) return known;
    const shape = this.#tensor(tensor).ints(0);
    const [height, width, channels] = [shape.at(-3) ?? 1, shape.at(-2) ?? 1, shape.at(-1) ?? 1];
    const values =
      this.#constant(tensor) ?? new Float32Array(shape.reduce((size, side) => size * side, 1));
    const picture = { height, width, channels, values };
    this.#pictures.set(tensor, picture);
    return picture;
  }

  #step(operator: Table): (() => void) | undefined {
    const code = this.#codes[operator.int32(0, 0)];
    const kind = Math.max(code?.int8(0, 0) ?? -1, code?.int32(3, 0) ?? -1);
    const [a = -1, b = -1, c = -1] = operator.ints(1);
    const [out = -1] = operator.ints(2);
    const options = operator.table(4);
    if (kind === OPERATOR.DEQUANTIZE) {
      // Weights only: once, when the model is read.
      this.#pictures.set(out, this.picture(a));
      return undefined;
    }
    const [from, to] = [this.picture(a), this.picture(out)];
    switch (kind) {
      case OPERATOR.CONV_2D: {
        const filter = this.#filter(b, c, options, from, to);
        filter.kept = this.#mixer.keep(filter.weights, filter.bias);
        return () => convolve(from, filter, to, this.#mixer);
      }
      case OPERATOR.DEPTHWISE_CONV_2D: {
        const filter = this.#filter(b, c, options, from, to);
        const kept = this.#mixer.keepDepthwise(filter.weights, filter.bias);
        return () => convolveDepthwise(from, filter, to, kept, this.#mixer);
      }
      case OPERATOR.CUSTOM: {
        if (code?.text(1) !== 'Convolution2DTransposeBias') break;
        const filter = this.#filter(b, c, undefined, from, to);
        if (from.height * filter.height !== to.height) break;
        return () => enlarge(from, filter, to);
      }
      case OPERATOR.ADD: {
        const other = this.picture(b);
        return () => add(from, other, to);
      }
      case OPERATOR.MUL: {
        const other = this.picture(b);
        return () => multiply(from, other, to);
      }
      case OPERATOR.MEAN:
        return () => mean(from, to);
      case OPERATOR.RESIZE_BILINEAR: {
        const grid = {
          alignCorners: (options?.int8(2, 0) ?? 0) !== 0,
          halfPixels: (options?.int8(3, 0) ?? 0) !== 0,
        };
        return () => resize(from, grid, to);
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
    throw new TypeError(`the model has an operator ${kind} that is not known here`);
  }

  #filter(
    weights: number,
    bias: number,
    options: Table | undefined,
    from: Picture,
    to: Picture,
  ): Filter {
    const { height, width, values } = this.picture(weights);
    const [strideX, strideY] = [options?.int32(1, 1) ?? 1, options?.int32(2, 1) ?? 1];
    const same = (options?.int8(0, SAME_PADDING) ?? SAME_PADDING) === SAME_PADDING;
    const before = (size: number, stride: number, had: number, gets: number): number =>
      same ? Math.floor(Math.max(0, (gets - 1) * stride + size - had) / 2) : 0;
    return {
      height,
      width,
      weights: values,
      bias: this.picture(bias).values,
      kept: undefined,
      strideX,
      strideY,
      top: before(height, strideY, from.height, to.height),
      left: before(width, strideX, from.width, to.width),
    };
  }

  #tensor(tensor: number): Table {
    const table = this.#tensors[tensor];
    if (table === undefined) throw new TypeError('the model names a tensor that it lacks');
    return table;
  }

  #constant(tensor: number): Float32Array | undefined {
    const table = this.#tensor(tensor);
    const bytes = this.#buffers[table.int32(2, 0)]?.bytes(0);
    if (bytes === undefined || bytes.length === 0) return undefined;
    if (table.int8(1, 0) !== FLOAT16) return new Float32Array(bytes.buffer);
    return Float32Array.from(new Uint16Array(bytes.buffer), halfToFloat);
  }
}

/** IEEE 754 binary16. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
