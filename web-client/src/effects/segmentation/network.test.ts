import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { Network } from './network';

const MODEL = '@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite';

function model(): ArrayBuffer {
  const file = readFileSync(createRequire(import.meta.url).resolve(MODEL));
  return Uint8Array.from(file).buffer;
}

function within(x: number, y: number, width: number, height: number): boolean {
  return (x / width) ** 2 + (y / height) ** 2 < 1;
}

/** Draws a wall, and a person in front of it whose head is at this column, or none. */
function draw({ input }: Network, person: number | undefined): void {
  for (let y = 0; y < input.height; y += 1) {
    for (let x = 0; x < input.width; x += 1) {
      let colour = [120 + y / 4, 130, 120];
      if (person !== undefined && within(x - person, y - 150, 70, 62)) colour = [40, 60, 120];
      if (person !== undefined && within(x - person, y - 55, 26, 34)) colour = [224, 172, 140];
      for (const [channel, value] of colour.entries()) {
        input.values[(y * input.width + x) * 3 + channel] = value / 255;
      }
    }
  }
}

const at = ({ output }: Network, x: number, y: number): number =>
  output.values[y * output.width + x] ?? Number.NaN;

describe('the network', () => {
  const network = new Network(model());

  it('separates a person from a wall at any position', () => {
    for (const person of [90, 128, 170]) {
      draw(network, person);
      network.run();
      expect(at(network, person, 55)).toBeGreaterThan(0.8);
      expect(at(network, person, 130)).toBeGreaterThan(0.8);
      expect(at(network, person < 128 ? 240 : 15, 40)).toBeLessThan(0.1);
      expect(at(network, 128, 6)).toBeLessThan(0.1);
    }
  });

  it('finds no person in front of an empty wall', () => {
    draw(network, undefined);
    network.run();
    expect(Math.max(...network.output.values)).toBeLessThan(0.5);
  });

  it('returns the same output for the same input', () => {
    draw(network, 128);
    network.run();
    const once = network.output.values.slice();
    draw(network, undefined);
    network.run();
    draw(network, 128);
    network.run();
    expect(network.output.values).toEqual(once);
  });
});

describe('a model', () => {
  it('is rejected if it is truncated or empty', () => {
    expect(() => new Network(model().slice(0, 20_000))).toThrow(RangeError);
    expect(() => new Network(new ArrayBuffer(0))).toThrow(RangeError);
  });
});
