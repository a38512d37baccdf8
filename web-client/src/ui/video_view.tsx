/** Elements that play a media stream. */

import { useEffect, useRef } from 'preact/hooks';
import { setOutput } from '../devices/speaker';

interface VideoProps {
  stream: MediaStream | undefined;
  mirrored?: boolean;
  label: string;
  class?: string | undefined;
}

export function VideoView({ stream, mirrored = false, label, ...rest }: VideoProps) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (element.current !== null) element.current.srcObject = stream ?? null;
  }, [stream]);
  return (
    <video
      ref={element}
      autoPlay
      playsInline
      muted
      aria-label={label}
      data-mirrored={mirrored}
      {...rest}
    />
  );
}

export function AudioOutput({ stream, speaker }: { stream: MediaStream; speaker: string }) {
  const element = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    if (element.current !== null) element.current.srcObject = stream;
  }, [stream]);
  useEffect(() => {
    if (element.current !== null) setOutput(element.current, speaker);
  }, [speaker]);
  // oxlint-disable-next-line jsx-a11y/media-has-caption -- live speech has no caption file
  return <audio ref={element} autoPlay />;
}
