/** Why a camera or a microphone is not to be had, in words for a person. */

export type DeviceKind = 'camera' | 'microphone';

export function explain(kind: DeviceKind, error: unknown): string {
  const name = error instanceof DOMException ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return `Your browser does not let this page use the ${kind}. Allow it in the address bar, then try again.`;
    case 'NotFoundError':
      return `No ${kind} was found. Plug one in, then try again.`;
    case 'NotReadableError':
    case 'AbortError':
      return `The ${kind} is in use by another program. Close that one, then try again.`;
    case 'OverconstrainedError':
      return `The chosen ${kind} is gone. Choose another one.`;
    default:
      return `The ${kind} could not be started. Try another one, or reload the page.`;
  }
}
