/** Renders a QR code (ISO/IEC 18004) as one SVG path. */

import { Lazy, useLazy } from './lazy';

const qr = new Lazy(async () => (await import('qr')).encodeQR);

/** The quiet zone that the standard requires, in modules. */
const BORDER = 4;

interface Props {
  content: string;
  title: string;
  class: string | undefined;
}

export function QrCode({ content, title, class: name }: Props) {
  const { part: encode } = useLazy(qr);
  if (encode === undefined) return null;
  const rows = encode(content, 'raw', { border: BORDER });
  const dark = rows.flatMap((row, y) =>
    row.map((on, x) => (on ? `M${x} ${y}h1v1h-1z` : '')).filter((one) => one !== ''),
  );
  return (
    <svg class={name} viewBox={`0 0 ${rows.length} ${rows.length}`} role="img">
      <title>{title}</title>
      <path d={dark.join('')} fill="#000" />
    </svg>
  );
}
