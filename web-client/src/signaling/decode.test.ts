import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeMessage, decodeRefusal } from './decode';

const folder = new URL('../../../signaling/protocol/fixtures/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.startsWith('server.'));

describe("the server's messages", () => {
  it('there are fixtures of every kind', () => {
    const kinds = new Set(names.map((name) => name.split('.')[1]));
    expect(kinds.size).toBe(18);
  });

  it.each(names)('%s is understood', (name) => {
    const text = readFileSync(new URL(name, folder), 'utf8');
    const type = (JSON.parse(text) as { type: string }).type;
    expect(decodeMessage(text)?.type).toBe(type);
  });

  it.each([
    '',
    '{',
    '[]',
    '{"type":"nonsense"}',
    '{"type":"answer","sdp":7}',
    '{"type":"resumed","seq":-1}',
  ])('%s is not', (text) => {
    expect(decodeMessage(text)).toBeUndefined();
  });

  it('a refusal in an HTTP answer is understood', () => {
    const text = readFileSync(new URL('http.refusal.json', folder), 'utf8');
    expect(decodeRefusal(JSON.parse(text))?.message).toBeTruthy();
    expect(decodeRefusal('<html>')).toBeUndefined();
  });
});
