/**
 * What a frame costs in a worker: the cryptor of the calls (WebAssembly), and the browser's own
 * AES-128-GCM (WebCrypto), one frame at a time and up to eight at once, handed on in order.
 */

import init, { type Codec, MediaCryptor } from '../../../src/e2ee/wasm/e2ee_wasm';

/** Microseconds for one frame: the median of the rounds. */
export interface Figure {
  what: string;
  bytes: number;
  us: number;
}

const SIZES = [100, 1_000, 5_000, 20_000, 60_000];
/** Figures to be published want more patience than a look at whether all of it runs. */
const FULL = self.name === 'full';
const ROUNDS = FULL ? 9 : 3;
/** A round takes at least so long: browsers round their clocks. */
const ROUND_MS = FULL ? 40 : 5;
/** Frames that WebCrypto works on at once. */
const DEPTH = 8;
/** The header of an SFrame ciphertext in a call: authenticated, not encrypted. */
const HEADER = 3;

function cryptor(own: number): MediaCryptor {
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

/** Does the work so often that a round is long enough, and says what one time took. */
async function measure(what: string, bytes: number, work: Work): Promise<Figure> {
  let times = 8;
  let took = 0;
  const rounds: number[] = [];
  while (rounds.length < ROUNDS) {
    await work.prepare?.(times);
    const start = performance.now();
    const pending = work.run(times);
    if (pending !== undefined) await pending;
    took = performance.now() - start;
    if (took < ROUND_MS) times *= 2;
    else rounds.push((took * 1000) / times);
  }
  const us = rounds.toSorted((a, b) => a - b)[(ROUNDS - 1) / 2] ?? Number.NaN;
  return { what, bytes, us };
}

interface Work {
  prepare?: (times: number) => void | Promise<void>;
  run: (times: number) => void | Promise<void>;
}

/** The cryptor, as the media worker calls it. */
function wasm(context: number, codec: Codec, bytes: number): { protect: Work; unprotect: Work } {
  const [sender, receiver] = [cryptor(0), cryptor(1)];
  const frame = crypto.getRandomValues(new Uint8Array(bytes));
  let sealed: Uint8Array[] = [];
  return {
    protect: {
      run: (times) => {
        for (let n = 0; n < times; n += 1) sender.protect(context, codec, false, frame);
      },
    },
    unprotect: {
      prepare: (times) => {
        sealed = Array.from({ length: times }, () => sender.protect(context, codec, false, frame));
      },
      run: () => {
        for (const one of sealed) receiver.unprotect(codec, one, 0);
      },
    },
  };
}

/** So many at once, handed on in order: the eldest is waited for before the next one begins. */
async function inOrder(times: number, one: (n: number) => Promise<unknown>): Promise<void> {
  const under: Promise<unknown>[] = [];
  for (let n = 0; n < times; n += 1) {
    under.push(one(n));
    if (under.length === DEPTH) await under.shift();
  }
  await Promise.all(under);
}

/** The browser's cipher, with what SFrame gives it: a nonce for each frame, a header, one buffer
 * for header, ciphertext and tag. */
async function subtle(bytes: number): Promise<Record<'awaited' | 'pipelined' | 'opened', Work>> {
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 128 }, false, [
    'encrypt',
    'decrypt',
  ]);
  const frame = crypto.getRandomValues(new Uint8Array(bytes));
  const additionalData = new Uint8Array(HEADER);
  let counter = 0;
  const parameters = (): AesGcmParams => {
    const iv = new Uint8Array(12);
    new DataView(iv.buffer).setUint32(8, (counter += 1));
    return { name: 'AES-GCM', iv, additionalData, tagLength: 128 };
  };
  const seal = async (): Promise<Uint8Array> => {
    const ciphertext = await crypto.subtle.encrypt(parameters(), key, frame);
    const whole = new Uint8Array(HEADER + ciphertext.byteLength);
    whole.set(new Uint8Array(ciphertext), HEADER);
    return whole;
  };
  let sealed: { parameters: AesGcmParams; ciphertext: ArrayBuffer }[] = [];
  return {
    awaited: {
      run: async (times) => {
        for (let n = 0; n < times; n += 1) await seal();
      },
    },
    pipelined: { run: (times) => inOrder(times, seal) },
    opened: {
      prepare: async (times) => {
        sealed = [];
        for (let n = 0; n < times; n += 1) {
          const by = parameters();
          const ciphertext = await crypto.subtle.encrypt(by, key, frame);
          sealed.push({ parameters: by, ciphertext });
        }
      },
      run: (times) =>
        inOrder(times, (n) => {
          const one = sealed[n];
          if (one === undefined) throw new Error('as many are opened as were sealed');
          return crypto.subtle.decrypt(one.parameters, key, one.ciphertext);
        }),
    },
  };
}

async function all(): Promise<Figure[]> {
  await init();
  const figures: Figure[] = [];
  for (const bytes of SIZES) {
    for (const [name, context, codec] of [
      ['CTR-HMAC', 0, 'opus'],
      ['GCM', 1, 'vp9'],
    ] as const) {
      const { protect, unprotect } = wasm(context, codec, bytes);
      figures.push(await measure(`WASM ${name} protect`, bytes, protect));
      figures.push(await measure(`WASM ${name} unprotect`, bytes, unprotect));
    }
    const { awaited, pipelined, opened } = await subtle(bytes);
    figures.push(await measure('WebCrypto GCM encrypt, awaited', bytes, awaited));
    figures.push(await measure('WebCrypto GCM encrypt, pipelined', bytes, pipelined));
    figures.push(await measure('WebCrypto GCM decrypt, pipelined', bytes, opened));
  }
  return figures;
}

all().then(
  (figures) => self.postMessage(figures),
  (error: unknown) => self.postMessage(String(error)),
);
