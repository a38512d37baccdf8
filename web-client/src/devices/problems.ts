/** Why a camera or a microphone cannot be used. */

import { type Sentence, sentence } from '../i18n/i18n';

export type DeviceKind = 'camera' | 'microphone';

export type DeviceProblem =
  /** The person or a browser policy denied access to this page. */
  | 'denied'
  /** The operating system denied access to the browser. */
  | 'system_denied'
  /** No such device is connected. */
  | 'missing'
  /** Another program is using it. */
  | 'busy'
  /** The chosen device is no longer connected. */
  | 'gone'
  /** It stopped while it was in use. */
  | 'stopped'
  | 'unknown';

/** Returns the problem that an error of `getUserMedia` stands for. */
export function problemOf(error: unknown): DeviceProblem {
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

/** Returns the message for a problem: what is wrong, and what to do. */
export function deviceProblemSentence(device: DeviceKind, problem: DeviceProblem): Sentence {
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

/** Returns whether connecting a device may solve the problem. */
export function isFixedByPlugging(problem: DeviceProblem | undefined): boolean {
  return problem === 'missing' || problem === 'gone' || problem === 'stopped';
}
