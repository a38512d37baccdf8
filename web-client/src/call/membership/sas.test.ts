import { describe, expect, it } from 'vitest';
import { SasVerification } from './sas';

function verification(): { sas: SasVerification; events: string[] } {
  const events: string[] = [];
  const note = (event: string) => () => void events.push(event);
  const sas = new SasVerification({
    start: note('start'),
    confirm: note('confirm'),
    invited: note('invited'),
  });
  return { sas, events };
}

describe('verification by a short authentication string', () => {
  it('pins all members only after the person has compared the emoji', () => {
    const { sas, events } = verification();
    sas.finish(true);
    sas.start();
    sas.handleProgress({ state: 'waiting', participants: [2] });
    sas.finish(true);
    expect(events).toEqual(['start']);
    sas.handleProgress({ state: 'emoji', emoji: [0, 1, 2, 3, 63] });
    sas.finish(true);
    expect(events).toEqual(['start', 'confirm']);
    expect(sas.state.value).toEqual({ kind: 'same' });
  });

  it('pins no member when the emoji differ', () => {
    const { sas, events } = verification();
    sas.start();
    sas.handleProgress({ state: 'emoji', emoji: [0, 1, 2, 3, 63] });
    sas.finish(false);
    expect(events).toEqual(['start']);
    expect(sas.state.value).toEqual({ kind: 'different' });
  });

  it('reports once that another member started it', () => {
    const { sas, events } = verification();
    sas.handleProgress({ state: 'waiting', participants: [1, 2] });
    sas.handleProgress({ state: 'waiting', participants: [2] });
    expect(events).toEqual(['invited']);
    sas.handleProgress({ state: 'interrupted' });
    sas.handleProgress({ state: 'waiting', participants: [1] });
    expect(events).toEqual(['invited', 'invited']);
  });
});
