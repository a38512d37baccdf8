import { signal } from '@preact/signals';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ApplyEffect } from '../effects/effect';
import { Device } from './device';

/** As much of a track as a device needs. */
class Track extends EventTarget {
  readyState: 'live' | 'ended' = 'live';

  stop(): void {
    this.readyState = 'ended';
  }

  getSettings(): object {
    return {};
  }
}

/** Tracks that the browser has handed out. */
let opened: Track[] = [];
/** What the browser waits for before it hands one out. */
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

/** Something that is waited for until it is opened. */
function gate(): { opened: Promise<void>; open: () => void } {
  const events = new EventTarget();
  const waited = new Promise<void>((resolve) => {
    events.addEventListener('open', () => resolve());
  });
  return { opened: waited, open: () => void events.dispatchEvent(new Event('open')) };
}

/** An effect whose track and end can be looked at. */
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
  it('stands between the device and its track, until it is taken away', async () => {
    const device = camera();
    const { apply, made } = effect();
    await device.apply(apply);
    await device.start();
    expect(device.track.value).toBe(made[0]?.track);
    await device.apply(undefined);
    expect(device.track.value).toBe(opened[0]);
    expect(made[0]?.closed).toBe(true);
    expect(opened[0]?.readyState).toBe('live');
  });

  it('that is chosen while the browser still asks is the one that is used', async () => {
    const asking = gate();
    permission = asking.opened;
    const device = camera();
    const starting = device.start();
    const { apply, made } = effect();
    await device.apply(apply);
    asking.open();
    await starting;
    expect(device.track.value).toBe(made[0]?.track);
  });

  it('that gives way to another one before it is ready is closed', async () => {
    const device = camera();
    await device.start();
    const [slow, quick] = [effect(), effect()];
    const loading = gate();
    const first = device.apply(async (raw) => {
      await loading.opened;
      return slow.apply(raw);
    });
    await device.apply(quick.apply);
    loading.open();
    await first;
    expect(device.track.value).toBe(quick.made[0]?.track);
    expect(slow.made[0]?.closed).toBe(true);
    expect(quick.made[0]?.closed).toBe(false);
  });

  it('that cannot run leaves the device as it is, and says so', async () => {
    const device = camera();
    await device.apply(async () => Promise.reject(new Error('not here')));
    await device.start();
    expect(device.track.value).toBe(opened[0]);
    expect(device.problem.value).toBeUndefined();
    expect(device.effectFailed.value).toBe(true);
  });

  it('ends with the device', async () => {
    const device = camera();
    const { apply, made } = effect();
    await device.apply(apply);
    await device.start();
    await device.set(false);
    expect(device.track.value).toBeUndefined();
    expect(made[0]?.closed).toBe(true);
    expect(opened[0]?.readyState).toBe('ended');
  });

  it('stays behind a microphone that is muted and kept open', async () => {
    const device = new Device('microphone', signal(''));
    const { apply, made } = effect();
    await device.apply(apply);
    await device.start();
    await device.set(false, true);
    expect(device.standby.value).toBe(made[0]?.track);
    await device.apply(undefined);
    expect(device.standby.value).toBe(opened[0]);
    expect(device.track.value).toBeUndefined();
    await device.set(true);
    expect(device.track.value).toBe(opened[0]);
  });
});

describe('a device that stops by itself', () => {
  it('takes its effect with it', async () => {
    const device = camera();
    const { apply, made } = effect();
    await device.apply(apply);
    await device.start();
    opened[0]?.dispatchEvent(new Event('ended'));
    expect(made[0]?.closed).toBe(true);
    expect(device.track.value).toBeUndefined();
    expect(device.problem.value).toBe('stopped');
  });
});
