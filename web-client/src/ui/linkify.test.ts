import { describe, expect, it } from 'vitest';
import { linkify } from './linkify';

const links = (text: string): (string | undefined)[] =>
  linkify(text)
    .filter((part) => part.href !== undefined)
    .map((part) => part.text);

describe('web addresses in a text', () => {
  it('are found without the punctuation around them', () => {
    expect(links('see https://a.example/b?c=1#d, or (http://x.example).')).toEqual([
      'https://a.example/b?c=1#d',
      'http://x.example',
    ]);
  });

  it('are http and https URLs only', () => {
    expect(links('javascript:alert(1) data:text/html,x file:///etc ftp://a.example')).toEqual([]);
    expect(links('https://')).toEqual([]);
  });

  it('and the parts between them add up to the whole text', () => {
    for (const text of ['', 'hello', 'a https://b.example c', 'https://b.example.']) {
      expect(
        linkify(text)
          .map((part) => part.text)
          .join(''),
      ).toBe(text);
    }
  });
});
