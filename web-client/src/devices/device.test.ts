import { signal } from '@preact/signals';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ApplyEffect } from '../effects/effect';
import { Device } from './device';

/** The part of a track that a device uses. */
class Track extends EventTarget {
  readyState: 'live' | 'ended' = 'live';

  stop(): void {
    this.readyState = 'ended';
  }

  getSettings(): object {
    return {};
  }
}

/** Tracks that the browser has opened. */
let opened: Track[] = [];
/** Resolves when the browser may open a track. */
let permission: Promise<void> = Promise.resolve();

beforeEach(() => {
  opened = [];
  permission = Promise.resolve();
  vi.stubGlobal('navigator', {
    mediaDevices: {
      enumerateDevices: async () => [],
      getUserMedia: async () => {
        await permission;
        const track = new Track();
        opened.push(track);
        return { getTracks: () => [track] };
      },
    },
  });
});

/** A promise that resolves when it is opened. */
function gate(): { opened: Promise<void>; open: () => void } {
  const events = new EventTarget();
  const waited = new Promise<void>((resolve) => {
    events.addEventListener('open', () => resolve());
  });
  return { opened: waited, open: () => void events.dispatchEvent(new Event('open')) };
}

/** An effect that records its tracks and whether they were closed. */
function effect(): { apply: ApplyEffect; made: { track: Track; closed: boolean }[] } {
  const made: { track: Track; closed: boolean }[] = [];
  const apply: ApplyEffect = async () => {
    const one = { track: new Track(), closed: false };
    made.push(one);
    const track = one.track as unknown as MediaStreamTrack;
    return { track, close: () => (one.closed = true) };
  };
  return { apply, made };
}

const camera = (): Device => new Device('camera', signal(''));

describe('an effect', () => {
  it('provides the track until it is removed', async () => {
    const device = camera();
    const { apply, made } = effect();
    await device.setEffect(apply);
    await device.start();
    expect(device.track.value).toBe(made[0]?.track);
    await device.setEffect(undefined);
    expect(device.track.value).toBe(opened[0]);
    expect(made[0]?.closed).toBe(true);
    expect(opened[0]?.readyState).toBe('live');
  });

  it('that is set while the browser asks for permission is used', async () => {
    const asking = gate();
    permission = asking.opened;
    const device = camera();
    const starting = device.start();
    const { apply, made } = effect();
    await device.setEffect(apply);
    asking.open();
    await starting;
    expect(device.track.value).toBe(made[0]?.track);
  });

  it('that is replaced before it is ready is closed', async () => {
    const device = camera();
    await device.start();
    const [slow, quick] = [effect(), effect()];
    const loading = gate();
    const first = device.setEffect(async (raw) => {
      await loading.opened;
      return slow.apply(raw);
    });
    await device.setEffect(quick.apply);
    loading.open();
    await first;
    expect(device.track.value).toBe(quick.made[0]?.track);
    expect(slow.made[0]?.closed).toBe(true);
    expect(quick.made[0]?.closed).toBe(false);
  });

  it('that cannot run is reported, and the device works without it', async () => {
    const device = camera();
    await device.setEffect(async () => Promise.reject(new Error('not here')));
    await device.start();
    expect(device.track.value).toBe(opened[0]);
    expect(device.problem.value).toBeUndefined();
    expect(device.effectFailed.value).toBe(true);
  });

  it('ends with the device', async () => {
    const device = camera();
    const { apply, made } = effect();
    await device.setEffect(apply);
    await device.start();
    await device.setEnabled(false);
    expect(device.track.value).toBeUndefined();
    expect(made[0]?.closed).toBe(true);
    expect(opened[0]?.readyState).toBe('ended');
  });

  it('applies to a muted microphone that stays open', async () => {
    const device = new Device('microphone', signal(''));
    const { apply, made } = effect();
    await device.setEffect(apply);
    await device.start();
    await device.setEnabled(false, true);
    expect(device.standby.value).toBe(made[0]?.track);
    await device.setEffect(undefined);
    expect(device.standby.value).toBe(opened[0]);
    expect(device.track.value).toBeUndefined();
    await device.setEnabled(true);
    expect(device.track.value).toBe(opened[0]);
  });
});

describe('a device that stops by itself', () => {
  it('closes its effect', async () => {
    const device = camera();
    const { apply, made } = effect();
    await device.setEffect(apply);
    await device.start();
    opened[0]?.dispatchEvent(new Event('ended'));
    expect(made[0]?.closed).toBe(true);
    expect(device.track.value).toBeUndefined();
    expect(device.problem.value).toBe('stopped');
  });
});
