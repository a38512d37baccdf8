import { describe, expect, it } from 'vitest';
import { actionOf, type Pressed } from './shortcuts';

const press = (key: string, where: Partial<Pressed> = {}): Pressed => ({
  key,
  modified: false,
  writing: false,
  onControl: false,
  scrolls: false,
  inDialog: false,
  ...where,
});

describe('a key in the call', () => {
  it.each([
    ['m', 'microphone'],
    ['M', 'microphone'],
    ['v', 'camera'],
    [' ', 'talk'],
    ['?', 'help'],
    ['Escape', 'close'],
    ['PageDown', 'next_page'],
    ['x', undefined],
  ])('%j does %s', (key, action) => {
    expect(actionOf(press(key))).toBe(action);
  });

  it('does nothing while somebody writes, but Escape closes', () => {
    expect(actionOf(press('m', { writing: true }))).toBeUndefined();
    expect(actionOf(press('Escape', { writing: true }))).toBe('close');
  });

  it('leaves the space bar to the button that has the focus', () => {
    expect(actionOf(press(' ', { onControl: true }))).toBeUndefined();
    expect(actionOf(press('m', { onControl: true }))).toBe('microphone');
  });

  it('turns no pages of tiles where it scrolls', () => {
    expect(actionOf(press('PageUp', { scrolls: true }))).toBeUndefined();
    expect(actionOf(press('m', { scrolls: true }))).toBe('microphone');
  });

  it('is the browser’s with a modifier, and the dialog’s while one is open', () => {
    expect(actionOf(press('p', { modified: true }))).toBeUndefined();
    expect(actionOf(press('m', { inDialog: true }))).toBeUndefined();
  });
});
