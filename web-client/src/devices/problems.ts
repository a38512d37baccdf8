/** Why a camera or a microphone is not to be had. */

import { type Sentence, sentence } from '../i18n/i18n';

export type DeviceKind = 'camera' | 'microphone';

export type Problem =
  /** The person, or a rule of the browser, said no to this page. */
  | 'denied'
  /** The operating system says no to the browser. */
  | 'system_denied'
  /** There is none. */
  | 'missing'
  /** Another program has it. */
  | 'busy'
  /** The chosen one is not there any more. */
  | 'gone'
  /** It stopped in the midst of being used. */
  | 'stopped'
  | 'unknown';

/** What an error of `getUserMedia` means. */
export function problemOf(error: unknown): Problem {
  const { name, message } = error instanceof DOMException ? error : { name: '', message: '' };
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return /system/i.test(message) ? 'system_denied' : 'denied';
    case 'NotFoundError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    case 'OverconstrainedError':
      return 'gone';
    default:
      return 'unknown';
  }
}

/** In words for a person: what is wrong, and what to do. */
export function explain(device: DeviceKind, problem: Problem): Sentence {
  switch (problem) {
    case 'denied':
      return sentence('device.denied', { device });
    case 'system_denied':
      return sentence('device.system_denied', { device });
    case 'missing':
      return sentence('device.missing', { device });
    case 'busy':
      return sentence('device.busy', { device });
    case 'gone':
      return sentence('device.gone', { device });
    case 'stopped':
      return sentence('device.stopped', { device });
    case 'unknown':
      return sentence('device.unknown', { device });
  }
}

/** Whether a device that is plugged in now may mend it. */
export function mendsByPlugging(problem: Problem | undefined): boolean {
  return problem === 'missing' || problem === 'gone' || problem === 'stopped';
}
