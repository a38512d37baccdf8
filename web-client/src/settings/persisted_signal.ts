/** A choice of the person's that outlasts the visit, in this browser only. */

import { type Signal, signal } from '@preact/signals';

const PREFIX = 'orange-meets.';

/** A signal that is remembered. What was stored is believed only if `fits` knows it. */
export function stored<T>(
  name: string,
  initial: T,
  fits: (value: unknown) => value is T,
): Signal<T> {
  const choice = signal(read(name, initial, fits));
  choice.subscribe((value) => write(name, value, initial));
  return choice;
}

function read<T>(name: string, initial: T, fits: (value: unknown) => value is T): T {
  try {
    const text = localStorage.getItem(PREFIX + name);
    const value: unknown = text === null ? undefined : JSON.parse(text);
    return fits(value) ? value : initial;
  } catch {
    // Nothing can be stored here, or what was is damaged.
    return initial;
  }
}

function write(name: string, value: unknown, initial: unknown): void {
  try {
    if (value === initial) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // It holds for this visit.
  }
}

export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';

export const isString = (value: unknown): value is string => typeof value === 'string';

export function isOneOf<T extends string>(...all: readonly T[]): (value: unknown) => value is T {
  return (value): value is T => all.some((one) => one === value);
}
