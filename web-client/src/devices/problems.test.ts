import { describe, expect, it } from 'vitest';
import { explain, mendsByPlugging, problemOf } from './problems';

describe('a failed device', () => {
  it.each([
    ['NotAllowedError', 'Permission denied', 'denied'],
    ['NotAllowedError', 'Permission denied by system', 'system_denied'],
    ['SecurityError', '', 'denied'],
    ['NotFoundError', '', 'missing'],
    ['NotReadableError', '', 'busy'],
    ['AbortError', '', 'busy'],
    ['OverconstrainedError', '', 'gone'],
    ['SomethingNewError', '', 'unknown'],
  ])('with %s "%s" is %s', (name, message, problem) => {
    expect(problemOf(new DOMException(message, name))).toBe(problem);
  });

  it('is not guessed at from what is no error of the browser', () => {
    expect(problemOf('nonsense')).toBe('unknown');
  });

  it('is explained for the device it is about', () => {
    expect(explain('camera', 'busy')).toEqual({ key: 'device.busy', values: { device: 'camera' } });
  });

  it('starts by itself once something is plugged in, but never against a no', () => {
    expect(mendsByPlugging('missing')).toBe(true);
    expect(mendsByPlugging('stopped')).toBe(true);
    expect(mendsByPlugging('denied')).toBe(false);
    expect(mendsByPlugging(undefined)).toBe(false);
  });
});
