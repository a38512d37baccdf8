import { describe, expect, it } from 'vitest';
import { actionOf, type KeyPress } from './shortcuts';

const press = (key: string, where: Partial<KeyPress> = {}): KeyPress => ({
  key,
  modified: false,
  writing: false,
  onControl: false,
  scrolls: false,
  inDialog: false,
  ...where,
});

describe('a key in a call', () => {
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

  it('does nothing in a text field, except that Escape closes the panel', () => {
    expect(actionOf(press('m', { writing: true }))).toBeUndefined();
    expect(actionOf(press('Escape', { writing: true }))).toBe('close');
  });

  it('leaves the space bar to a focused button', () => {
    expect(actionOf(press(' ', { onControl: true }))).toBeUndefined();
    expect(actionOf(press('m', { onControl: true }))).toBe('microphone');
  });

  it('does not turn pages of tiles in the side panel, where it scrolls', () => {
    expect(actionOf(press('PageUp', { scrolls: true }))).toBeUndefined();
    expect(actionOf(press('m', { scrolls: true }))).toBe('microphone');
  });

  it('is ignored with a modifier, and while a dialog is open', () => {
    expect(actionOf(press('p', { modified: true }))).toBeUndefined();
    expect(actionOf(press('m', { inDialog: true }))).toBeUndefined();
  });
});
