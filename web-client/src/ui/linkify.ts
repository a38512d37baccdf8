/** Splits a text into web addresses and the text between them. */

export interface Part {
  /** Offset in the text, in UTF-16 code units. */
  at: number;
  text: string;
  /** The address, if this part is an http or https URL. */
  href: string | undefined;
}

const ADDRESS = /https?:\/\/[^\s<>"']+/gu;
/** Punctuation that ends a sentence rather than an address. */
const TRAILING = /[.,;:!?)\]}]+$/u;

export function linkify(text: string): Part[] {
  const parts: Part[] = [];
  let from = 0;
  const addText = (to: number): void => {
    if (to > from) parts.push({ at: from, text: text.slice(from, to), href: undefined });
  };
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(TRAILING, '');
    const href = URL.parse(address)?.href;
    if (href === undefined) continue;
    addText(match.index);
    parts.push({ at: match.index, text: address, href });
    from = match.index + address.length;
  }
  addText(text.length);
  return parts;
}
