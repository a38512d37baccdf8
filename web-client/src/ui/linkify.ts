/** Web addresses in a text, apart from the words around them. */

export interface Part {
  /** Where it begins. */
  at: number;
  text: string;
  /** Only of http and https. */
  href: string | undefined;
}

const ADDRESS = /https?:\/\/[^\s<>"']+/gu;
/** What ends a sentence rather than an address. */
const TRAILING = /[.,;:!?)\]}]+$/u;

export function linkify(text: string): Part[] {
  const parts: Part[] = [];
  let from = 0;
  const words = (to: number): void => {
    if (to > from) parts.push({ at: from, text: text.slice(from, to), href: undefined });
  };
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(TRAILING, '');
    const href = URL.parse(address)?.href;
    if (href === undefined) continue;
    words(match.index);
    parts.push({ at: match.index, text: address, href });
    from = match.index + address.length;
  }
  words(text.length);
  return parts;
}
