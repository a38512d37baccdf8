/** The kernels of a small convolutional network. Tensors are in the order row, column, channel. */

import type {
  DepthwiseFilter,
  Overlap,
  PointwiseFilter,
  SimdConvolution,
} from './simd_convolution';

export interface Tensor {
  height: number;
  width: number;
  channels: number;
  values: Float32Array;
}

export interface Filter {
  height: number;
  width: number;
  /** In the order output, row, column, input; of a depthwise filter row, column, channel. */
  weights: Float32Array;
  bias: Float32Array;
  /** The same filter loaded for SIMD, if that is possible. */
  pointwise: PointwiseFilter | undefined;
  strideX: number;
  strideY: number;
  /** The padding before the input, in rows and columns. */
  top: number;
  left: number;
}

/** Computes a convolution over all channels. */
export function convolve(from: Tensor, filter: Filter, to: Tensor, simd: SimdConvolution): void {
  const pixels = to.height * to.width;
  if (filter.height === 1 && filter.width === 1) {
    if (filter.pointwise !== undefined) {
      simd.pointwise(from.values, filter.pointwise, to.values);
      return;
    }
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      pointwise(from.values, pixel * from.channels, from.channels, filter, to, pixel);
    }
    return;
  }
  // The input under the filter is copied into a row, which makes the convolution pointwise (im2col).
  const row = filter.width * from.channels;
  const length = filter.height * row;
  const patches = new Float32Array(filter.pointwise === undefined ? length : length * pixels);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const top = Math.floor(pixel / to.width) * filter.strideY - filter.top;
    const left = (pixel % to.width) * filter.strideX - filter.left;
    const first = filter.pointwise === undefined ? 0 : pixel * length;
    const whole = left >= 0 && left + filter.width <= from.width;
    for (let dy = 0; dy < filter.height; dy += 1) {
      const y = top + dy;
      const inside = y >= 0 && y < from.height;
      const source = (y * from.width + left) * from.channels;
      for (let at = 0; at < row; at += 1) {
        const x = whole ? 0 : left + Math.floor(at / from.channels);
        const isInside = inside && x >= 0 && x < from.width;
        patches[first + dy * row + at] = isInside ? (from.values[source + at] as number) : 0;
      }
    }
    if (filter.pointwise === undefined) pointwise(patches, 0, length, filter, to, pixel);
  }
  if (filter.pointwise !== undefined) simd.pointwise(patches, filter.pointwise, to.values);
}

/** Computes all outputs of one pixel, four at a time, so that every input is read once for four. */
function pointwise(
  values: Float32Array,
  source: number,
  inputs: number,
  { weights, bias }: Filter,
  to: Tensor,
  pixel: number,
): void {
  const outputs = to.channels;
  const target = pixel * outputs;
  const whole = outputs - (outputs % 4);
  for (let out = 0; out < whole; out += 4) {
    const w0 = out * inputs;
    const w1 = w0 + inputs;
    const w2 = w1 + inputs;
    const w3 = w2 + inputs;
    let s0 = bias[out] as number;
    let s1 = bias[out + 1] as number;
    let s2 = bias[out + 2] as number;
    let s3 = bias[out + 3] as number;
    for (let at = 0; at < inputs; at += 1) {
      const value = values[source + at] as number;
      s0 += value * (weights[w0 + at] as number);
      s1 += value * (weights[w1 + at] as number);
      s2 += value * (weights[w2 + at] as number);
      s3 += value * (weights[w3 + at] as number);
    }
    to.values[target + out] = s0;
    to.values[target + out + 1] = s1;
    to.values[target + out + 2] = s2;
    to.values[target + out + 3] = s3;
  }
  for (let out = whole; out < outputs; out += 1) {
    let sum = bias[out] as number;
    for (let at = 0; at < inputs; at += 1) {
      sum += (values[source + at] as number) * (weights[out * inputs + at] as number);
    }
    to.values[target + out] = sum;
  }
}

/** Computes a depthwise convolution, which treats every channel separately. */
export function convolveDepthwise(
  from: Tensor,
  filter: Filter,
  to: Tensor,
  loaded: DepthwiseFilter | undefined,
  simd: SimdConvolution,
): void {
  const { channels, values, width } = from;
  const { weights, bias } = filter;
  const overlapAt = (pixel: number): Overlap => {
    const top = Math.floor(pixel / to.width) * filter.strideY - filter.top;
    const left = (pixel % to.width) * filter.strideX - filter.left;
    const [firstY, firstX] = [Math.max(0, -top), Math.max(0, -left)];
    return {
      source: ((top + firstY) * width + left + firstX) * channels,
      weight: (firstY * filter.width + firstX) * channels,
      rows: Math.min(filter.height, from.height - top) - firstY,
      columns: Math.min(filter.width, width - left) - firstX,
    };
  };
  if (loaded !== undefined) {
    const sizes = { channels, width, filterWidth: filter.width };
    simd.depthwise(values, loaded, sizes, overlapAt, to.values);
    return;
  }
  for (let pixel = 0; pixel < to.height * to.width; pixel += 1) {
    const { source, weight, rows, columns } = overlapAt(pixel);
    for (let at = 0; at < channels; at += 1) {
      let sum = bias[at] as number;
      for (let dy = 0; dy < rows; dy += 1) {
        for (let dx = 0; dx < columns; dx += 1) {
          const value = values[source + (dy * width + dx) * channels + at] as number;
          sum += value * (weights[weight + (dy * filter.width + dx) * channels + at] as number);
        }
      }
      to.values[pixel * channels + at] = sum;
    }
  }
}

/** Computes a transposed convolution whose strides equal its filter's size, so that outputs do not
 * overlap. */
export function convolveTransposed(from: Tensor, filter: Filter, to: Tensor): void {
  const { channels, values } = from;
  for (let y = 0; y < to.height; y += 1) {
    const [row, dy] = [Math.floor(y / filter.height), y % filter.height];
    for (let x = 0; x < to.width; x += 1) {
      const [column, dx] = [Math.floor(x / filter.width), x % filter.width];
      const source = (row * from.width + column) * channels;
      for (let out = 0; out < to.channels; out += 1) {
        const weight = ((out * filter.height + dy) * filter.width + dx) * channels;
        let sum = filter.bias[out] as number;
        for (let at = 0; at < channels; at += 1) {
          sum += (values[source + at] as number) * (filter.weights[weight + at] as number);
        }
        to.values[(y * to.width + x) * to.channels + out] = sum;
      }
    }
  }
}

/** Computes the mean of every channel over all pixels. */
export function mean({ height, width, channels, values }: Tensor, to: Tensor): void {
  const pixels = height * width;
  const sums = to.values.fill(0);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const source = pixel * channels;
    for (let at = 0; at < channels; at += 1) {
      sums[at] = (sums[at] as number) + (values[source + at] as number);
    }
  }
  for (let at = 0; at < channels; at += 1) sums[at] = (sums[at] as number) / pixels;
}

/** The options of TensorFlow's bilinear resize. */
export interface ResizeOptions {
  alignCorners: boolean;
  halfPixels: boolean;
}

/** Resizes with bilinear interpolation. */
export function resizeBilinear(from: Tensor, options: ResizeOptions, to: Tensor): void {
  const { channels, values } = from;
  const columns = interpolate(from.width, to.width, options);
  const rows = interpolate(from.height, to.height, options);
  for (const [y, row] of rows.entries()) {
    const [above, below] = [row.low * from.width, row.high * from.width];
    for (const [x, column] of columns.entries()) {
      const target = (y * to.width + x) * channels;
      const [a, b] = [(above + column.low) * channels, (above + column.high) * channels];
      const [c, d] = [(below + column.low) * channels, (below + column.high) * channels];
      for (let at = 0; at < channels; at += 1) {
        const left = values[a + at] as number;
        const upper = left + ((values[b + at] as number) - left) * column.weight;
        const under = values[c + at] as number;
        const lower = under + ((values[d + at] as number) - under) * column.weight;
        to.values[target + at] = upper + (lower - upper) * row.weight;
      }
    }
  }
}

/** Two neighbouring input indices and the weight of the second one, 0…1. */
interface Interpolation {
  low: number;
  high: number;
  weight: number;
}

/** Returns the interpolation of every output index along one dimension. */
function interpolate(
  from: number,
  to: number,
  { alignCorners, halfPixels }: ResizeOptions,
): Interpolation[] {
  const scale = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  return Array.from({ length: to }, (_, at) => {
    const exact = halfPixels ? (at + 0.5) * scale - 0.5 : at * scale;
    const low = Math.max(0, Math.floor(exact));
    return { low, high: Math.min(low + 1, from - 1), weight: Math.max(0, exact - low) };
  });
}

/** Adds two tensors; `other` has the same size or one pixel. */
export function add({ values }: Tensor, { values: other }: Tensor, to: Tensor): void {
  const { length } = other;
  const sums = to.values;
  for (let start = 0; start < values.length; start += length) {
    for (let at = 0; at < length; at += 1) {
      sums[start + at] = (values[start + at] as number) + (other[at] as number);
    }
  }
}

/** Multiplies two tensors; `other` has the same size or one pixel. */
export function multiply({ values }: Tensor, { values: other }: Tensor, to: Tensor): void {
  const { length } = other;
  const products = to.values;
  for (let start = 0; start < values.length; start += length) {
    for (let at = 0; at < length; at += 1) {
      products[start + at] = (values[start + at] as number) * (other[at] as number);
    }
  }
}

/** Computes max(0, x), without an unpredictable branch. */
export function relu({ values }: Tensor, { values: out }: Tensor): void {
  for (let at = 0; at < out.length; at += 1) out[at] = Math.max(0, values[at] as number);
}

export function hardSwish({ values }: Tensor, { values: out }: Tensor): void {
  for (let at = 0; at < out.length; at += 1) {
    const value = values[at] as number;
    out[at] = (value * Math.min(6, Math.max(0, value + 3))) / 6;
  }
}

export function logistic({ values }: Tensor, { values: out }: Tensor): void {
  for (let at = 0; at < out.length; at += 1) out[at] = 1 / (1 + Math.exp(-(values[at] as number)));
}
