/**
 * What a frame costs in processor time, by WebAssembly and by WebCrypto: other work on the machine
 * does not disturb it as it does a clock. Chromium has the same engine and the same cipher.
 *
 *   node tests/frames_in_node.mjs        (in web-client, after `make wasm`)
 */

import { readFileSync } from 'node:fs';
import init, { MediaCryptor } from '../src/e2ee/wasm/e2ee_wasm.js';

const SIZES = [100, 1_200, 5_000, 20_000, 60_000];
const ROUNDS = 15;
/** A round takes at least so many microseconds. */
const ROUND_US = 40_000;
/** Frames that WebCrypto works on at once. */
const DEPTH = 8;
/** The header of an SFrame ciphertext in a call: authenticated, not encrypted. */
const HEADER = 3;

const wasm = new URL('../src/e2ee/wasm/e2ee_wasm_bg.wasm', import.meta.url);
await init({ module_or_path: readFileSync(wasm) });

/** Of all threads: WebCrypto has some of its own. */
function spent(since) {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}

/** Microseconds for one frame, in the cheapest of the rounds. */
async function measure({ prepare, run }) {
  let times = 16;
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS;) {
    await prepare?.(times);
    const before = process.cpuUsage();
    await run(times);
    const took = spent(before);
    if (took < ROUND_US) times *= 2;
    else {
      round += 1;
      least = Math.min(least, took / times);
    }
  }
  return least;
}

function cryptor(own) {
  const one = new MediaCryptor();
  const keys = {
    epoch: 1,
    own_leaf: own,
    audio_base_key: new Uint8Array(48).fill(1),
    video_base_key: new Uint8Array(16).fill(2),
    members: [0, 1],
    removed: [],
  };
  one.install(keys, 0);
  return one;
}

/** The cryptor, as the media worker calls it. */
function byWasm(context, codec, bytes) {
  const [sender, receiver] = [cryptor(0), cryptor(1)];
  const frame = crypto.getRandomValues(new Uint8Array(bytes));
  let sealed = [];
  const seal = () => sender.protect(context, codec, false, frame);
  return {
    protect: {
      run: (times) => {
        for (let n = 0; n < times; n += 1) seal();
      },
    },
    unprotect: {
      prepare: (times) => {
        sealed = Array.from({ length: times }, seal);
      },
      run: () => {
        for (const one of sealed) receiver.unprotect(codec, one, 0);
      },
    },
  };
}

/** So many at once, handed on in order. */
async function inOrder(times, one) {
  const under = [];
  for (let n = 0; n < times; n += 1) {
    under.push(one(n));
    if (under.length === DEPTH) await under.shift();
  }
  await Promise.all(under);
}

/** The bare cipher, with what SFrame gives it. */
async function byWebCrypto(bytes) {
  const { subtle } = crypto;
  const algorithm = { name: 'AES-GCM', length: 128 };
  const key = await subtle.generateKey(algorithm, false, ['encrypt', 'decrypt']);
  const frame = crypto.getRandomValues(new Uint8Array(bytes));
  const additionalData = new Uint8Array(HEADER);
  let counter = 0;
  const parameters = () => {
    const iv = new Uint8Array(12);
    new DataView(iv.buffer).setUint32(8, (counter += 1));
    return { name: 'AES-GCM', iv, additionalData, tagLength: 128 };
  };
  const seal = async () => {
    const ciphertext = await subtle.encrypt(parameters(), key, frame);
    const whole = new Uint8Array(HEADER + ciphertext.byteLength);
    whole.set(new Uint8Array(ciphertext), HEADER);
  };
  let sealed = [];
  return {
    protect: { run: (times) => inOrder(times, seal) },
    unprotect: {
      prepare: async (times) => {
        sealed = [];
        for (let n = 0; n < times; n += 1) {
          const by = parameters();
          sealed.push([by, await subtle.encrypt(by, key, frame)]);
        }
      },
      run: (times) => inOrder(times, (n) => subtle.decrypt(sealed[n][0], key, sealed[n][1])),
    },
  };
}

const rows = [
  ['WASM, audio (CTR-HMAC), protect', (bytes) => byWasm(0, 'opus', bytes).protect],
  ['WASM, audio (CTR-HMAC), unprotect', (bytes) => byWasm(0, 'opus', bytes).unprotect],
  ['WASM, video (GCM), protect', (bytes) => byWasm(1, 'vp9', bytes).protect],
  ['WASM, video (GCM), unprotect', (bytes) => byWasm(1, 'vp9', bytes).unprotect],
  ['WebCrypto GCM, protect, 8 deep', async (bytes) => (await byWebCrypto(bytes)).protect],
  ['WebCrypto GCM, unprotect, 8 deep', async (bytes) => (await byWebCrypto(bytes)).unprotect],
];
const digits = (us) => us.toFixed(us < 10 ? 1 : 0);
process.stdout.write(`| µs of processor time | ${SIZES.map((one) => `${one} B`).join(' | ')} |\n`);
process.stdout.write(`| --- |${' ---: |'.repeat(SIZES.length)}\n`);
for (const [name, of] of rows) {
  const cells = [];
  for (const bytes of SIZES) cells.push(digits(await measure(await of(bytes))));
  process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`);
}
