/** Limits of what is downloaded before the join button and in the call, built as for a release. */

import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';
import { LANGUAGES } from './i18n/compile';

type Output = Rolldown.RolldownOutput['output'][number];
type Chunk = Rolldown.OutputChunk;

let output: readonly Output[] = [];

beforeAll(async () => {
  const built = await build({
    root: `${import.meta.dirname}/..`,
    logLevel: 'warn',
    build: { write: false },
  });
  output = (built as Rolldown.RolldownOutput).output;
}, 60_000);

function chunks(): Chunk[] {
  return output.filter((one) => one.type === 'chunk');
}

function chunk(fits: (one: Chunk) => boolean): Chunk {
  const found = chunks().find(fits);
  if (found === undefined) throw new Error('there is no such chunk any more');
  return found;
}

/** A chunk and all that it cannot run without. */
function closure(of: Chunk): Chunk[] {
  const all = new Map<string, Chunk>();
  const visit = (one: Chunk): void => {
    if (all.has(one.fileName)) return;
    all.set(one.fileName, one);
    for (const name of one.imports) visit(chunk((other) => other.fileName === name));
  };
  visit(of);
  return [...all.values()];
}

const gzip = (text: string | Uint8Array): number => gzipSync(text).length;
const kilobytes = (bytes: number): number => Math.round(bytes / 100) / 10;

/** The catalogue that is longest. */
function language(): Chunk {
  const all = LANGUAGES.map((code) =>
    chunk((one) => one.facadeModuleId?.endsWith(`messages/${code}`) === true),
  );
  const [longest] = all.toSorted((a, b) => gzip(b.code) - gzip(a.code));
  if (longest === undefined) throw new Error('there is no language');
  return longest;
}

function beforeJoin(): Chunk[] {
  return [
    ...new Set([
      ...closure(chunk((one) => one.facadeModuleId?.endsWith('index.html') === true)),
      ...closure(language()),
    ]),
  ];
}

function inCall(): Chunk[] {
  const known = new Set(beforeJoin());
  const screen = closure(chunk((one) => one.name === 'call_bundle')).filter(
    (one) => !known.has(one),
  );
  return screen;
}

function css(): number {
  const sheets = output.filter((one) => one.type === 'asset' && one.fileName.endsWith('.css'));
  return sheets.reduce((sum, one) => sum + gzip((one as Rolldown.OutputAsset).source), 0);
}

describe('the page', () => {
  it('needs at most 45 kB of script and 15 kB of styles before the join button', () => {
    const script = beforeJoin().reduce((sum, one) => sum + gzip(one.code), 0);
    process.stdout.write(`before the join button: ${kilobytes(script)} kB of script, gzip\n`);
    expect(script).toBeLessThanOrEqual(45_000);
    process.stdout.write(`all styles: ${kilobytes(css())} kB, gzip\n`);
    expect(css()).toBeLessThanOrEqual(15_000);
  });

  it('needs at most 60 kB more of script in the call, its workers among them', () => {
    const workers = output.filter(
      (one) => one.type === 'asset' && /(mls|media)\.worker.*\.js$/.test(one.fileName),
    ) as Rolldown.OutputAsset[];
    expect(workers.length).toBe(2);
    const script =
      inCall().reduce((sum, one) => sum + gzip(one.code), 0) +
      workers.reduce((sum, one) => sum + gzip(one.source), 0);
    process.stdout.write(`more in the call: ${kilobytes(script)} kB of script, gzip\n`);
    expect(script).toBeLessThanOrEqual(60_000);
  });

  it('needs at most 500 kB for the encryption core, before and in the call', () => {
    // Workers share it: it is downloaded once.
    const cores = output.filter(
      (one) => one.type === 'asset' && /e2ee_wasm_bg-.*\.wasm$/.test(one.fileName),
    ) as Rolldown.OutputAsset[];
    expect(cores.length).toBe(1);
    const core = cores.reduce((sum, one) => sum + gzip(one.source), 0);
    process.stdout.write(`the encryption core: ${kilobytes(core)} kB, gzip\n`);
    expect(core).toBeLessThanOrEqual(500_000);
  });

  it('has no inline script, and nothing from elsewhere', () => {
    const page = output.find((one) => one.fileName === 'index.html') as Rolldown.OutputAsset;
    const html = String(page.source);
    const scripts = [...html.matchAll(/<script([^>]*)>([^<]*)/g)];
    expect(scripts.length).toBe(1);
    for (const [, attributes, inside] of scripts) {
      expect(attributes).toContain('src="/assets/');
      expect(inside).toBe('');
    }
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(html).not.toMatch(/ style=| on[a-z]+=/);
  });
});
