/** Moves the focus to the heading of a new screen, so that a screen reader announces the screen and
 * the tab order starts at its top. */

import { type RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/** No screen was shown yet. The browser itself announces the first one. */
let first = true;

/** Focuses the `h1` of `screen` when it is mounted, except for the first screen. */
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
