/** Shows the pairwise code of two members as a QR code, and scans the other member's. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/i18n';
import css from './encryption.module.css';
import forms from './forms.module.css';
import { QrCode } from './qr_code';

const PREFIX = 'orange-meets/pair/1:';
/** Time between two scanned video frames. */
const SCAN_INTERVAL_MS = 200;
/** The longer side of a scanned frame, in pixels. */
const SCAN_PIXELS = 640;

type ScanResult = 'same' | 'different' | 'no_camera';

interface Props {
  name: string;
  code: string;
  /** Called when the other member's code is the same. */
  onSame: () => void;
}

export function PairwiseCodeQr({ name, code, onSame }: Props) {
  const [scanning, setScanning] = useState(false);
  const [result, setResult] = useState<ScanResult>();
  const content = PREFIX + code.replaceAll(' ', '');

  function finish(scanned: ScanResult): void {
    setScanning(false);
    setResult(scanned);
    if (scanned === 'same') onSame();
  }

  return (
    <>
      <p>{t('qr.show', { name })}</p>
      <QrCode content={content} title={t('qr.title')} class={css.qr} />
      <button
        type="button"
        class={forms.button}
        onClick={() => {
          setResult(undefined);
          setScanning(!scanning);
        }}
      >
        {scanning ? t('qr.stop') : t('qr.scan')}
      </button>
      {scanning && (
        <Scanner
          onRead={(read) => {
            // Ignores QR codes of other applications.
            if (read.startsWith(PREFIX)) finish(read === content ? 'same' : 'different');
          }}
          onFail={() => finish('no_camera')}
        />
      )}
      <p role="status" class={result === 'different' ? css.danger : undefined}>
        {result === 'same' && t('qr.matches', { name })}
        {result === 'different' && t('qr.different', { name })}
        {result === 'no_camera' && t('qr.no_camera')}
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

/** Opens a camera and reports every QR code in its video until aborted. */
async function scan(
  video: HTMLVideoElement,
  stop: AbortSignal,
  read: (content: string) => void,
): Promise<void> {
  // Loads the decoder first: if that fails, no camera has been opened.
  const { decodeQR } = await import('qr/decode.js');
  const camera: MediaStreamConstraints = { video: { facingMode: 'environment' } };
  const stream = await navigator.mediaDevices.getUserMedia(camera);
  try {
    video.srcObject = stream;
    await video.play();
    while (!stop.aborted) {
      const content = decodeFrame(video, decodeQR);
      if (content !== undefined) read(content);
      // oxlint-disable-next-line no-await-in-loop -- one frame after the other
      await new Promise((resolve) => setTimeout(resolve, SCAN_INTERVAL_MS));
    }
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}

type Decode = (image: { width: number; height: number; data: Uint8ClampedArray }) => string;

function decodeFrame(video: HTMLVideoElement, decode: Decode): string | undefined {
  const scale = Math.min(1, SCAN_PIXELS / Math.max(video.videoWidth, video.videoHeight, 1));
  const [width, height] = [video.videoWidth * scale, video.videoHeight * scale].map(Math.round);
  if (!width || !height) return undefined;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (context === null) return undefined;
  context.drawImage(video, 0, 0, width, height);
  try {
    return decode(context.getImageData(0, 0, width, height));
  } catch {
    // No code in the frame.
    return undefined;
  }
}
