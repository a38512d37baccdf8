/** Line icons, drawn on a 24 by 24 grid. */

import type { ComponentChildren } from 'preact';

/** With a title an icon speaks for itself; without one it only decorates. */
function Icon({ title, children }: { title?: string; children: ComponentChildren }) {
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
      aria-hidden={title === undefined}
    >
      {title !== undefined && <title>{title}</title>}
      {children}
    </svg>
  );
}

const slash = <path d="M3 3l18 18" />;

export function MicrophoneIcon({ off = false, ...rest }: { off?: boolean; title?: string }) {
  return (
    <Icon {...rest}>
      <rect x="9" y="3" width="6" height="11" rx="3" />
      <path d="M5 11a7 7 0 0 0 14 0M12 18v3" />
      {off && slash}
    </Icon>
  );
}

export function CameraIcon({ off = false }: { off?: boolean }) {
  return (
    <Icon>
      <rect x="3" y="7" width="12" height="10" rx="2" />
      <path d="M15 11l6-3v8l-6-3" />
      {off && slash}
    </Icon>
  );
}

export function ScreenIcon() {
  return (
    <Icon>
      <rect x="3" y="4" width="18" height="12" rx="2" />
      <path d="M8 20h8M12 13V7m-3 3 3-3 3 3" />
    </Icon>
  );
}

export function LinkIcon() {
  return (
    <Icon>
      <path d="M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1" />
    </Icon>
  );
}

export function LockIcon() {
  return (
    <Icon>
      <rect x="5" y="11" width="14" height="9" rx="2" />
      <path d="M8 11V8a4 4 0 0 1 8 0v3" />
    </Icon>
  );
}

export function LeaveIcon() {
  return (
    <Icon>
      <path d="M3 14c5-5 13-5 18 0l-2.500 2.500-4-2v-2.500a12 12 0 0 0-5 0v2.500l-4 2z" />
    </Icon>
  );
}

export function HandIcon({ title }: { title?: string }) {
  return (
    <Icon {...(title === undefined ? {} : { title })}>
      <path d="M8 12V5a1.5 1.5 0 0 1 3 0v6M11 10V4a1.5 1.5 0 0 1 3 0v7M14 11V6a1.5 1.5 0 0 1 3 0v8a7 7 0 0 1-7 7c-3 0-4-2-6-6l-1-2a1.5 1.5 0 0 1 2.600-1.500L8 14" />
    </Icon>
  );
}

export function ChatIcon() {
  return (
    <Icon>
      <path d="M4 5h16v11H9l-5 4z" />
    </Icon>
  );
}
