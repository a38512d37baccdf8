import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { argumentsOf, catalogue, LANGUAGES, argumentTypes } from './compile';
import { preferred } from './i18n';

const english = catalogue('en');
const others = LANGUAGES.filter((one) => one !== 'en');

describe('every language', () => {
  it.each(others)('%s has the same messages in the same order', (language) => {
    expect(Object.keys(catalogue(language))).toEqual(Object.keys(english));
  });

  it.each(others)('%s takes the same arguments', (language) => {
    for (const [key, text] of Object.entries(catalogue(language))) {
      const wanted = [...argumentsOf(english[key] ?? '')].toSorted();
      expect([key, [...argumentsOf(text)].toSorted()]).toEqual([key, wanted]);
    }
  });

  it.each(LANGUAGES)('%s has no empty message', (language) => {
    const empty = Object.entries(catalogue(language)).filter(([, text]) => text.trim() === '');
    expect(empty).toEqual([]);
  });
});

describe('the generated message types', () => {
  it('match the English catalogue', () => {
    const file = new URL('messages.gen.ts', import.meta.url);
    const source = argumentTypes(english);
    if (process.env['UPDATE_GENERATED'] !== undefined) writeFileSync(file, source);
    expect(readFileSync(file, 'utf8')).toBe(source);
  });
});

describe('the sources', () => {
  const root = new URL('../', import.meta.url).pathname;
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((one) => /\.tsx?$/.test(one) && !/\.(test|gen|d)\.tsx?$/.test(one))
    .map((one): [string, string] => [one, readFileSync(root + one, 'utf8')]);

  it('use every message', () => {
    const all = files.map(([, source]) => source).join('\n');
    const unused = Object.keys(english).filter((key) => !all.includes(`'${key}'`));
    expect(unused).toEqual([]);
  });

  it('contain no visible text outside the catalogue', () => {
    const bare: string[] = [];
    for (const [file, source] of files.filter(([name]) => name.endsWith('.tsx'))) {
      const code = source.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
      // Text between tags, and attributes that are shown or read out.
      for (const [match] of code.matchAll(
        /(?<![=\s])>\s*[A-Za-z’“][^<>{}();=]*[a-z][^<>{}();=]*</g,
      )) {
        // The product name is the same in every language.
        const words = match.replace('Orange Meets', '');
        if (/[A-Za-z]{2}/.test(words)) bare.push(`${file}: ${match.trim()}`);
      }
      for (const [match] of code.matchAll(
        /\b(?:aria-label|title|label|placeholder|alt)="[^"]+"/g,
      )) {
        bare.push(`${file}: ${match}`);
      }
    }
    expect(bare).toEqual([]);
  });
});

describe('the preferred language', () => {
  it.each([
    [['de-CH', 'fr'], 'de'],
    [['pt-BR', 'fr-CA', 'en'], 'fr'],
    [['ja'], 'en'],
    [[], 'en'],
  ])('of a browser with %j is %s', (wanted, got) => {
    expect(preferred(wanted)).toBe(got);
  });
});
