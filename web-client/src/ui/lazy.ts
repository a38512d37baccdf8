/** Parts of the page that are fetched when they are needed, or a little earlier. */

import { useEffect, useState } from 'preact/hooks';

/** A part: fetched once, and again if that failed. */
export class Lazy<T> {
  #loading: Promise<T> | undefined;

  constructor(readonly fetch: () => Promise<T>) {}

  load(): Promise<T> {
    this.#loading ??= this.fetch().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }
}

/** The part once it is wanted and there, or that it could not be fetched. */
export function useLazy<T>(lazy: Lazy<T>, wants = true): { part?: T; failed: boolean } {
  const [state, setState] = useState<{ part?: T; failed: boolean }>({ failed: false });
  useEffect(() => {
    if (!wants) return undefined;
    let wanted = true;
    lazy.load().then(
      (part) => wanted && setState({ part, failed: false }),
      () => wanted && setState({ failed: true }),
    );
    return () => {
      wanted = false;
    };
  }, [lazy, wants]);
  return state;
}
