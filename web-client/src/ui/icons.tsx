/** Line icons, drawn on a 24 by 24 grid. */

import type { ComponentChildren } from 'preact';

interface IconProps {
  /** The accessible name. An icon without one is decorative. */
  title?: string | undefined;
}

function Icon({ title, children }: IconProps & { children: ComponentChildren }) {
  return (
    <svg
      viewBox="0 0 24 24"
      width="24"
      height="24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      {...(title === undefined ? { 'aria-hidden': true } : { role: 'img' })}
    >
      {title !== undefined && <title>{title}</title>}
      {children}
    </svg>
  );
}

const slash = <path d="M3 3l18 18" />;

export function MicrophoneIcon({ off = false, title }: IconProps & { off?: boolean }) {
  return (
    <Icon title={title}>
      <rect x="9" y="3" width="6" height="11" rx="3" />
      <path d="M5 11a7 7 0 0 0 14 0M12 18v3" />
      {off && slash}
    </Icon>
  );
}

export function CameraIcon({ off = false, title }: IconProps & { off?: boolean }) {
  return (
    <Icon title={title}>
      <rect x="3" y="7" width="12" height="10" rx="2" />
      <path d="M15 11l6-3v8l-6-3" />
      {off && slash}
    </Icon>
  );
}

/** Connection quality as one to three bars. */
export function SignalIcon({ bars, title }: IconProps & { bars: 1 | 2 | 3 }) {
  return (
    <Icon title={title}>
      <path d="M6 19v-3" />
      <path d="M12 19v-8" opacity={bars >= 2 ? 1 : 0.35} />
      <path d="M18 19V6" opacity={bars >= 3 ? 1 : 0.35} />
    </Icon>
  );
}

/** Makes an icon component from a list of paths. */
function lines(d: string) {
  return function LineIcon({ title }: IconProps) {
    return (
      <Icon title={title}>
        <path d={d} />
      </Icon>
    );
  };
}

export const ScreenIcon = lines(
  'M5 4h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM8 20h8M12 13V7m-3 3 3-3 3 3',
);
export const LinkIcon = lines(
  'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
);
export const LockIcon = lines(
  'M7 11h10a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2v-5a2 2 0 0 1 2-2zM8 11V8a4 4 0 0 1 8 0v3',
);
export const LeaveIcon = lines(
  'M3 14c5-5 13-5 18 0l-2.500 2.500-4-2v-2.500a12 12 0 0 0-5 0v2.500l-4 2z',
);
export const HandIcon = lines(
  'M8 12V5a1.5 1.5 0 0 1 3 0v6M11 10V4a1.5 1.5 0 0 1 3 0v7M14 11V6a1.5 1.5 0 0 1 3 0v8a7 7 0 0 1-7 7c-3 0-4-2-6-6l-1-2a1.5 1.5 0 0 1 2.600-1.500L8 14',
);
export const ChatIcon = lines('M4 5h16v11H9l-5 4z');
export const PeopleIcon = lines(
  'M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3 20c0-4 2.700-6 6-6s6 2 6 6M15.500 4.500a3.200 3.200 0 0 1 0 6M17 14.500c2.500.7 4 2.500 4 5.500',
);
export const MoreIcon = lines('M5 12h.01M12 12h.01M19 12h.01');
export const GridIcon = lines('M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z');
export const StageIcon = lines('M3 5h12v14H3zM18 5h3v4h-3zM18 12h3v4h-3z');
export const SettingsIcon = lines('M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4M4 12h12M20 12h0');
export const PinIcon = lines('M9 4h6l-1 6 3 3H7l3-3zM12 13v7');
export const FullScreenIcon = lines('M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5');
export const PictureIcon = lines('M3 5h18v14H3zM12 12h7v5h-7z');
export const InviteIcon = lines(
  'M10 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3 20c0-4 3-6 7-6 1.500 0 2.800.3 4 .8M18 14v6M15 17h6',
);
export const CloseIcon = lines('M6 6l12 12M18 6L6 18');
export const BackIcon = lines('M15 5l-7 7 7 7');
export const NextIcon = lines('M9 5l7 7-7 7');
export const KeyboardIcon = lines('M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8');
export const SpeakerIcon = lines(
  'M4 9v6h4l5 4V5L8 9zM16.500 9a4 4 0 0 1 0 6M19 6.500a8 8 0 0 1 0 11',
);
