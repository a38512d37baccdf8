import { readFileSync, writeFileSync } from 'node:fs';
import binaryen from 'binaryen';
import { expect, it } from 'vitest';
import { convolveDepthwise } from './kernels';
import { SimdConvolution } from './simd_convolution';
import { WASM } from './simd_convolution.gen';

const some = (length: number, step: number): Float32Array =>
  Float32Array.from({ length }, (_, at) => Math.sin(at * step));

const tensor = (height: number, width: number, channels: number) => ({
  height,
  width,
  channels,
  values: Float32Array.from({ length: height * width * channels }, (_, at) => Math.sin(at)),
});

it('matches its source; UPDATE_GENERATED=1 regenerates it', () => {
  const module = binaryen.parseText(
    readFileSync(`${import.meta.dirname}/simd_convolution.wat`, 'utf8'),
  );
  module.setFeatures(binaryen.Features.SIMD128);
  expect(module.validate()).toBeTruthy();
  module.optimize();
  const made = Buffer.from(module.emitBinary()).toString('base64');
  if (process.env['UPDATE_GENERATED'] !== undefined) {
    const lines = [
      '/** Generated from `simd_convolution.wat` by `UPDATE_GENERATED=1 npx vitest run src/effects`. */',
      '',
      'export const WASM =',
      `  '${made}';`,
    ];
    writeFileSync(`${import.meta.dirname}/simd_convolution.gen.ts`, `${lines.join('\n')}\n`);
    return;
  }
  expect(WASM).toBe(made);
});

it.each([
  [1, 3, 4],
  [7, 27, 16],
  [300, 40, 12],
])(
  'computes a pointwise convolution of %d pixels with %d inputs and %d outputs',
  (pixels, inputs, outputs) => {
    const [values, weights, bias] = [
      some(pixels * inputs, 0.7),
      some(outputs * inputs, 1.3),
      some(outputs, 2),
    ];
    const simd = new SimdConvolution();
    // Filters that were loaded before and after it do not interfere.
    simd.loadPointwise(some(8, 1), some(4, 1));
    const loaded = simd.loadPointwise(weights, bias);
    simd.loadPointwise(some(8, 1), some(4, 1));
    if (loaded === undefined) throw new Error('not loaded');
    const result = new Float32Array(pixels * outputs);
    simd.pointwise(values, loaded, result);
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      for (let out = 0; out < outputs; out += 1) {
        let sum = bias[out] ?? 0;
        for (let at = 0; at < inputs; at += 1) {
          sum += (values[pixel * inputs + at] ?? 0) * (weights[out * inputs + at] ?? 0);
        }
        expect(result[pixel * outputs + out]).toBeCloseTo(sum, 4);
      }
    }
  },
);

it('computes a depthwise convolution like the plain kernel, also at the edges', () => {
  const [from, plain, fast] = [tensor(9, 11, 8), tensor(5, 6, 8), tensor(5, 6, 8)];
  const filter = {
    ...tensor(3, 3, 8),
    weights: tensor(3, 3, 8).values,
    bias: tensor(1, 1, 8).values,
    pointwise: undefined,
    strideX: 2,
    strideY: 2,
    top: 1,
    left: 1,
  };
  const simd = new SimdConvolution();
  convolveDepthwise(from, filter, plain, undefined, simd);
  const loaded = simd.loadDepthwise(filter.weights, filter.bias);
  expect(loaded).toBeDefined();
  convolveDepthwise(from, filter, fast, loaded, simd);
  for (const [at, value] of plain.values.entries()) expect(fast.values[at]).toBeCloseTo(value, 5);
});

it('does not load filters whose outputs are not a multiple of four', () => {
  expect(
    new SimdConvolution().loadPointwise(new Float32Array(6), new Float32Array(2)),
  ).toBeUndefined();
});
