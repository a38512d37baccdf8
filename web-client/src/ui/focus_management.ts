/** Where the focus goes when one screen takes the place of another: to the heading, so that a
 * screen reader says what has come, and the tab key begins at its top. */

import { type RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/** The first screen of a visit: the browser itself says what it is. */
let first = true;

export function useHeadingFocus(screen: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (!first) {
      const heading = screen.current?.querySelector('h1');
      heading?.setAttribute('tabindex', '-1');
      heading?.focus();
    }
    first = false;
  }, [screen]);
}
