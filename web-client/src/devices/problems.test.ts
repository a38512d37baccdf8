import { describe, expect, it } from 'vitest';
import { explain } from './problems';

describe('a device that does not start', () => {
  it.each([
    ['NotAllowedError', 'Allow it'],
    ['NotFoundError', 'Plug one in'],
    ['NotReadableError', 'another program'],
    ['OverconstrainedError', 'Choose another'],
    ['SomethingNew', 'could not be started'],
  ])('%s says what to do', (name, words) => {
    expect(explain('camera', new DOMException('', name))).toContain(words);
    expect(explain('microphone', new DOMException('', name))).toContain('microphone');
  });

  it('also something that is no DOM exception', () => {
    expect(explain('camera', 'odd')).toContain('could not be started');
  });
});
