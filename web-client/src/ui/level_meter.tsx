/** A meter that shows the level of a microphone track. */

import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n/i18n';
import { AudioLevelMeter } from '../sound/audio_level_meter';
import css from './forms.module.css';

const INTERVAL_MS = 100;

export function LevelMeter({ track }: { track: MediaStreamTrack | undefined }) {
  const meter = useRef<HTMLMeterElement>(null);
  useEffect(() => {
    if (track === undefined) return undefined;
    const loudness = new AudioLevelMeter(new MediaStream([track]));
    const element = meter.current;
    const timer = setInterval(() => {
      if (element !== null) element.value = Math.min(1, loudness.read() * 4);
    }, INTERVAL_MS);
    return () => {
      clearInterval(timer);
      loudness.close();
      if (element !== null) element.value = 0;
    };
  }, [track]);
  return <meter ref={meter} class={css.meter} min={0} max={1} aria-label={t('device.level')} />;
}
