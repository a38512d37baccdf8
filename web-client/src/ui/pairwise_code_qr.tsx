/** The code of two people as a picture: one shows it, the other one's camera compares it. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/i18n';
import css from './encryption.module.css';
import forms from './forms.module.css';
import { QrCode } from './qr_code';

const PREFIX = 'orange-meets/pair/1:';
/** Between two looks at the camera's picture. */
const LOOK_MS = 200;
/** The longer side of what is looked at. */
const PIXELS = 640;

type Found = 'same' | 'different' | 'no_camera';

interface Props {
  name: string;
  code: string;
  /** The other one shows the same code. */
  onSame: () => void;
}

export function PairwiseCodeQr({ name, code, onSame }: Props) {
  const [scanning, setScanning] = useState(false);
  const [found, setFound] = useState<Found>();
  const content = PREFIX + code.replaceAll(' ', '');

  function see(seen: Found): void {
    setScanning(false);
    setFound(seen);
    if (seen === 'same') onSame();
  }

  return (
    <>
      <p>{t('qr.show', { name })}</p>
      <QrCode content={content} title={t('qr.title')} class={css.qr} />
      <button
        type="button"
        class={forms.button}
        onClick={() => {
          setFound(undefined);
          setScanning(!scanning);
        }}
      >
        {scanning ? t('qr.stop') : t('qr.scan')}
      </button>
      {scanning && (
        <Scanner
          onRead={(read) => {
            // Other codes hang on many walls.
            if (read.startsWith(PREFIX)) see(read === content ? 'same' : 'different');
          }}
          onFail={() => see('no_camera')}
        />
      )}
      <p role="status" class={found === 'different' ? css.danger : undefined}>
        {found === 'same' && t('qr.matches', { name })}
        {found === 'different' && t('qr.different', { name })}
        {found === 'no_camera' && t('qr.no_camera')}
      </p>
    </>
  );
}

function Scanner(props: { onRead: (content: string) => void; onFail: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    const element = video.current;
    if (element === null) return undefined;
    const stop = new AbortController();
    scan(element, stop.signal, (content) => latest.current.onRead(content)).catch(() => {
      if (!stop.signal.aborted) latest.current.onFail();
    });
    return () => stop.abort();
  }, []);
  return <video ref={video} class={css.scanner} muted playsInline />;
}

/** Reads codes from a camera of its own, until told to stop. */
async function scan(
  video: HTMLVideoElement,
  stop: AbortSignal,
  read: (content: string) => void,
): Promise<void> {
  // The reader first: a camera must not be left on where it cannot be fetched.
  const { decodeQR } = await import('qr/decode.js');
  const camera: MediaStreamConstraints = { video: { facingMode: 'environment' } };
  const stream = await navigator.mediaDevices.getUserMedia(camera);
  try {
    video.srcObject = stream;
    await video.play();
    while (!stop.aborted) {
      const content = look(video, decodeQR);
      if (content !== undefined) read(content);
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}

type Decode = (image: { width: number; height: number; data: Uint8ClampedArray }) => string;

function look(video: HTMLVideoElement, decode: Decode): string | undefined {
  const scale = Math.min(1, PIXELS / Math.max(video.videoWidth, video.videoHeight, 1));
  const [width, height] = [video.videoWidth * scale, video.videoHeight * scale].map(Math.round);
  if (!width || !height) return undefined;
  const pen = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (pen === null) return undefined;
  pen.drawImage(video, 0, 0, width, height);
  try {
    return decode(pen.getImageData(0, 0, width, height));
  } catch {
    // No code in the picture.
    return undefined;
  }
}
