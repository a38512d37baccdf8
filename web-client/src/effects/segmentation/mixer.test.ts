import { readFileSync, writeFileSync } from 'node:fs';
import binaryen from 'binaryen';
import { expect, it } from 'vitest';
import { convolveDepthwise } from './kernels';
import { MIX } from './mix.gen';
import { Mixer } from './mixer';

const some = (length: number, step: number): Float32Array =>
  Float32Array.from({ length }, (_, at) => Math.sin(at * step));

const picture = (height: number, width: number, channels: number) => ({
  height,
  width,
  channels,
  values: Float32Array.from({ length: height * width * channels }, (_, at) => Math.sin(at)),
});

it('is made of its source; UPDATE_GENERATED=1 makes it anew', () => {
  const module = binaryen.parseText(readFileSync(`${import.meta.dirname}/mix.wat`, 'utf8'));
  module.setFeatures(binaryen.Features.SIMD128);
  expect(module.validate()).toBeTruthy();
  module.optimize();
  const made = Buffer.from(module.emitBinary()).toString('base64');
  if (process.env['UPDATE_GENERATED'] !== undefined) {
    const lines = [
      '/** Made from `mix.wat` by `UPDATE_GENERATED=1 npx vitest run src/effects`. */',
      '',
      'export const MIX =',
      `  '${made}';`,
    ];
    writeFileSync(`${import.meta.dirname}/mix.gen.ts`, `${lines.join('\n')}\n`);
    return;
  }
  expect(MIX).toBe(made);
});

it.each([
  [1, 3, 4],
  [7, 27, 16],
  [300, 40, 12],
])('multiplies %d pixels of %d inputs into %d outputs', (pixels, inputs, outputs) => {
  const [values, weights, bias] = [
    some(pixels * inputs, 0.7),
    some(outputs * inputs, 1.3),
    some(outputs, 2),
  ];
  const mixer = new Mixer();
  // A filter that is kept before and one after do not get in its way.
  mixer.keep(some(8, 1), some(4, 1));
  const kept = mixer.keep(weights, bias);
  mixer.keep(some(8, 1), some(4, 1));
  if (kept === undefined) throw new Error('not kept');
  const result = new Float32Array(pixels * outputs);
  mixer.mix(values, kept, result);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    for (let out = 0; out < outputs; out += 1) {
      let sum = bias[out] ?? 0;
      for (let at = 0; at < inputs; at += 1) {
        sum += (values[pixel * inputs + at] ?? 0) * (weights[out * inputs + at] ?? 0);
      }
      expect(result[pixel * outputs + out]).toBeCloseTo(sum, 4);
    }
  }
});

it('works out every channel by itself as the plain kernel does, at the edges too', () => {
  const [from, plain, quick] = [picture(9, 11, 8), picture(5, 6, 8), picture(5, 6, 8)];
  const filter = {
    ...picture(3, 3, 8),
    weights: picture(3, 3, 8).values,
    bias: picture(1, 1, 8).values,
    kept: undefined,
    strideX: 2,
    strideY: 2,
    top: 1,
    left: 1,
  };
  const mixer = new Mixer();
  convolveDepthwise(from, filter, plain, undefined, mixer);
  const kept = mixer.keepDepthwise(filter.weights, filter.bias);
  expect(kept).toBeDefined();
  convolveDepthwise(from, filter, quick, kept, mixer);
  for (const [at, value] of plain.values.entries()) expect(quick.values[at]).toBeCloseTo(value, 5);
});

it('leaves filters whose outputs do not come in fours to others', () => {
  expect(new Mixer().keep(new Float32Array(6), new Float32Array(2))).toBeUndefined();
});
