/** The audio context that all measuring and playing shares. */

let shared: AudioContext | undefined;

/** Returns the shared context, running if the browser allows it. */
export function audioContext(): AudioContext {
  shared ??= new AudioContext();
  // Not awaited: without an audio device it never resolves.
  if (shared.state === 'suspended') shared.resume().catch(() => undefined);
  return shared;
}
