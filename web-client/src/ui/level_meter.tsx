/** Shows that the microphone hears something. */

import { useEffect, useRef } from 'preact/hooks';
import css from './pages.module.css';

const INTERVAL_MS = 100;

export function LevelMeter({ track }: { track: MediaStreamTrack | undefined }) {
  const meter = useRef<HTMLMeterElement>(null);
  useEffect(() => {
    if (track === undefined) return undefined;
    const context = new AudioContext();
    // Where there is no sound device this never resolves: it is not waited for.
    void context.resume();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      if (meter.current !== null) meter.current.value = Math.min(1, Math.sqrt(power) * 4);
    }, INTERVAL_MS);
    return () => {
      clearInterval(timer);
      void context.close();
    };
  }, [track]);
  return <meter ref={meter} class={css.meter} min={0} max={1} aria-label="Microphone level" />;
}
