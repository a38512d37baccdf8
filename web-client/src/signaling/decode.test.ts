import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeMessage, decodeRefusal } from './decode';

const folder = new URL('../../../signaling/protocol/fixtures/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.startsWith('server.'));

describe("the server's messages", () => {
  it('have a fixture of every kind', () => {
    const kinds = new Set(names.map((name) => name.split('.')[1]));
    expect(kinds.size).toBe(18);
  });

  it.each(names)('decode %s', (name) => {
    const text = readFileSync(new URL(name, folder), 'utf8');
    const { topic, type } = JSON.parse(text) as { topic: string; type: string };
    expect(decodeMessage(text)).toMatchObject({ topic, type });
  });

  it.each([
    '',
    '{',
    '[]',
    '{"topic":"media","type":"nonsense"}',
    '{"topic":"nonsense","type":"answer","sdp":""}',
    '{"topic":"room","type":"answer","sdp":""}',
    '{"topic":"media","type":"answer","sdp":7}',
    '{"topic":"room","type":"resumed","seq":-1}',
  ])('do not decode %s', (text) => {
    expect(decodeMessage(text)).toBeUndefined();
  });

  it('decode a refusal in an HTTP response', () => {
    const text = readFileSync(new URL('http.refusal.json', folder), 'utf8');
    expect(decodeRefusal(JSON.parse(text))?.message).toBeTruthy();
    expect(decodeRefusal('<html>')).toBeUndefined();
  });
});
