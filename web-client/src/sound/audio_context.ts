/** One audio context for all that measures or makes sound. */

let shared: AudioContext | undefined;

export function audioContext(): AudioContext {
  shared ??= new AudioContext();
  // Where there is no sound device this never resolves: it is not waited for.
  if (shared.state === 'suspended') shared.resume().catch(() => undefined);
  return shared;
}
