import { describe, expect, it } from 'vitest';
import { linkify } from './linkify';

const links = (text: string): (string | undefined)[] =>
  linkify(text)
    .filter((part) => part.href !== undefined)
    .map((part) => part.text);

describe('addresses in a text', () => {
  it('are found without the sentence around them', () => {
    expect(links('see https://a.example/b?c=1#d, or (http://x.example).')).toEqual([
      'https://a.example/b?c=1#d',
      'http://x.example',
    ]);
  });

  it('are of the web only', () => {
    expect(links('javascript:alert(1) data:text/html,x file:///etc ftp://a.example')).toEqual([]);
    expect(links('https://')).toEqual([]);
  });

  it('leave the whole text as it was', () => {
    for (const text of ['', 'hello', 'a https://b.example c', 'https://b.example.']) {
      expect(
        linkify(text)
          .map((part) => part.text)
          .join(''),
      ).toBe(text);
    }
  });
});
