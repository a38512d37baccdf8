/** Signals that are stored in this browser (localStorage). */

import { type Signal, signal } from '@preact/signals';

const PREFIX = 'orange-meets.';

/** Creates a stored signal. A stored value is used only if `isValid` accepts it. */
export function persistedSignal<T>(
  name: string,
  initial: T,
  isValid: (value: unknown) => value is T,
): Signal<T> {
  const persisted = signal(read(name, initial, isValid));
  persisted.subscribe((value) => write(name, value, initial));
  return persisted;
}

function read<T>(name: string, initial: T, isValid: (value: unknown) => value is T): T {
  try {
    const text = localStorage.getItem(PREFIX + name);
    const value: unknown = text === null ? undefined : JSON.parse(text);
    return isValid(value) ? value : initial;
  } catch {
    // Storage is unavailable, or the value is damaged.
    return initial;
  }
}

function write(name: string, value: unknown, initial: unknown): void {
  try {
    if (value === initial) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // The value lasts for this visit.
  }
}

export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';

export const isString = (value: unknown): value is string => typeof value === 'string';

export function isOneOf<T extends string>(...all: readonly T[]): (value: unknown) => value is T {
  return (value): value is T => all.some((one) => one === value);
}
