import { describe, expect, it } from 'vitest';
import { deviceProblemSentence, isFixedByPlugging, problemOf } from './problems';

describe('a device problem', () => {
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

  it('is unknown for anything that is not a browser error', () => {
    expect(problemOf('nonsense')).toBe('unknown');
  });

  it('is described for its device', () => {
    expect(deviceProblemSentence('camera', 'busy')).toEqual({
      key: 'device.busy',
      values: { device: 'camera' },
    });
  });

  it('may be solved by connecting a device, unless access was denied', () => {
    expect(isFixedByPlugging('missing')).toBe(true);
    expect(isFixedByPlugging('stopped')).toBe(true);
    expect(isFixedByPlugging('denied')).toBe(false);
    expect(isFixedByPlugging(undefined)).toBe(false);
  });
});
