/** Code that is loaded on demand. */

import { useEffect, useState } from 'preact/hooks';

/** A module that is loaded at most once. A failed load is tried again. */
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

/** Loads the module when `wants` is true. Returns it once it is loaded, and whether the load failed. */
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
