/** The call: everybody's tiles, one's own picture, and the controls. */

import { useMemo, useRef, useState } from 'preact/hooks';
import type { Call } from '../call/call';
import type { Tile } from '../call/tiles';
import type { Device } from '../devices/devices';
import type { Slot } from '../peer_connection/peer_connection';
import css from './call.module.css';
import { EncryptionDialog, list } from './encryption_dialog';
import { ChatPanel, ReactionStrip } from './chat_panel';
import {
  CameraIcon,
  ChatIcon,
  HandIcon,
  LeaveIcon,
  LinkIcon,
  LockIcon,
  MicrophoneIcon,
  ScreenIcon,
} from './icons';
import { AudioOut, VideoView } from './video_view';

export function CallScreen({ call }: { call: Call }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [chatOpen, setChatOpen] = useState(false);
  const roster = call.roster.value;
  const live = call.state.value.kind === 'live';
  const tiles = call.tiles.value;
  const slots = call.slots.value;
  return (
    <main
      class={css.call}
      data-state={call.state.value.kind}
      data-panel={chatOpen}
      data-epoch={roster?.epoch}
      data-room-code={roster?.roomCode}
      data-media={call.mediaConnected.value}
      data-opened={call.opened.value}
      data-dropped={call.dropped.value}
    >
      <h1 class={css.hidden}>Meeting</h1>
      <Status call={call} />
      <ReactionStrip call={call} />
      <div class={css.grid} data-count={Math.min(tiles.length + 1, 25)}>
        {tiles.map((tile) => (
          <RemoteTile
            key={tile.key}
            tile={tile}
            slots={slots}
            hand={call.chat.value.hands.includes(tile.participant)}
          />
        ))}
        <SelfTile call={call} />
      </div>
      {slots
        .filter((slot) => slot.kind === 'audio')
        .map((slot) => (
          <AudioOut key={slot.id} stream={slot.stream} />
        ))}
      <footer class={css.bar}>
        <DeviceButton device={call.devices.microphone} />
        <DeviceButton device={call.devices.camera} />
        <ShareButton call={call} />
        <HandButton call={call} />
        <ChatButton call={call} open={chatOpen} onToggle={() => setChatOpen(!chatOpen)} />
        <CopyButton />
        <button
          type="button"
          class={css.control}
          disabled={!live}
          data-encryption={call.encryption.value.kind}
          onClick={() => dialog.current?.showModal()}
        >
          <LockIcon />
          <span>Encryption</span>
        </button>
        <button type="button" class={css.leave} onClick={() => call.leave()}>
          <LeaveIcon />
          <span>Leave</span>
        </button>
      </footer>
      {chatOpen && <ChatPanel call={call} onClose={() => setChatOpen(false)} />}
      <EncryptionDialog dialog={dialog} call={call} />
    </main>
  );
}

/** What the person must know just now. */
function Status({ call }: { call: Call }) {
  const joining = call.state.value.kind === 'joining';
  const reconnecting = call.reconnecting.value;
  return (
    <div class={css.status} aria-live="polite">
      {reconnecting && <p>The connection broke. Reconnecting…</p>}
      {joining && !reconnecting && <p>Agreeing on keys…</p>}
      {call.state.value.kind === 'live' && !call.mediaConnected.value && (
        <p>Connecting sound and picture…</p>
      )}
      <EncryptionWarning call={call} />
      {call.notices.value.map((sentence, index) => (
        <p key={sentence} role="alert">
          {sentence}{' '}
          <button type="button" onClick={() => call.dismissNotice(index)} aria-label="Dismiss">
            ×
          </button>
        </p>
      ))}
    </div>
  );
}

/** What about the encryption must not be overlooked. */
function EncryptionWarning({ call }: { call: Call }) {
  const state = call.encryption.value;
  switch (state.kind) {
    case 'forming':
    case 'confirmed':
      return null;
    case 'unconfirmed':
      return (
        <p role="alert" class={css.warning}>
          Can’t confirm that {list(state.names)} is in this very call.
        </p>
      );
    case 'changed':
      return (
        <p role="alert" class={css.warning}>
          {list(state.names)} has another key than before. Compare codes under “Encryption”.
        </p>
      );
  }
}

interface RemoteTileProps {
  tile: Tile;
  slots: readonly Slot[];
  hand: boolean;
}

function RemoteTile({ tile, slots, hand }: RemoteTileProps) {
  const stream = slots.find((slot) => slot.id === tile.slot)?.stream;
  return (
    <figure
      class={css.tile}
      data-leaf={tile.leaf}
      data-source={tile.source}
      data-slot={tile.slot}
      data-outside={tile.outside}
    >
      {stream === undefined ? (
        <Initials name={tile.outside ? '?' : tile.name} />
      ) : (
        <VideoView stream={stream} label={`${tile.name}, ${tile.source}`} />
      )}
      <figcaption>
        {tile.muted && !tile.outside && <MicrophoneIcon off title="Microphone off" />}
        {hand && tile.source === 'camera' && <HandIcon title="Hand raised" />}
        {tile.source === 'screen' ? `${tile.name}’s screen` : tile.name}
      </figcaption>
    </figure>
  );
}

function SelfTile({ call }: { call: Call }) {
  const track = call.devices.camera.track.value;
  const stream = useMemo(
    () => (track === undefined ? undefined : new MediaStream([track])),
    [track],
  );
  const muted = call.devices.microphone.track.value === undefined;
  return (
    <figure class={css.tile} data-self>
      {stream === undefined ? (
        <Initials name={call.name} />
      ) : (
        <VideoView stream={stream} mirrored label="Your camera" />
      )}
      <figcaption>
        {muted && <MicrophoneIcon off title="Microphone off" />}
        {call.handRaised.value && <HandIcon title="Hand raised" />}
        {call.name} (you)
      </figcaption>
    </figure>
  );
}

function Initials({ name }: { name: string }) {
  const letters = name
    .split(/\s+/)
    .map((word) => [...word][0] ?? '')
    .slice(0, 2)
    .join('')
    .toUpperCase();
  return (
    <span class={css.initials} aria-hidden="true">
      {letters}
    </span>
  );
}

function DeviceButton({ device }: { device: Device }) {
  const on = device.track.value !== undefined;
  const camera = device.kind === 'camera';
  const Icon = camera ? CameraIcon : MicrophoneIcon;
  return (
    <button
      type="button"
      class={css.control}
      data-on={on}
      data-device={device.kind}
      onClick={() => void device.set(!on)}
    >
      <Icon off={!on} />
      <span>{camera ? (on ? 'Camera off' : 'Camera on') : on ? 'Mute' : 'Unmute'}</span>
    </button>
  );
}

function ShareButton({ call }: { call: Call }) {
  const sharing = call.sharing.value !== undefined;
  return (
    <button
      type="button"
      class={css.control}
      data-on={sharing}
      onClick={() => void (sharing ? call.stopSharing() : call.shareScreen())}
    >
      <ScreenIcon />
      <span>{sharing ? 'Stop sharing' : 'Share screen'}</span>
    </button>
  );
}

function HandButton({ call }: { call: Call }) {
  const raised = call.handRaised.value;
  return (
    <button
      type="button"
      class={css.control}
      disabled={call.state.value.kind !== 'live'}
      aria-pressed={raised}
      onClick={() => call.say({ kind: 'hand', raised: !raised })}
    >
      <HandIcon />
      <span>{raised ? 'Lower hand' : 'Raise hand'}</span>
    </button>
  );
}

function ChatButton({ call, open, onToggle }: { call: Call; open: boolean; onToggle: () => void }) {
  const { lines } = call.chat.value;
  const seen = useRef(0);
  if (open) seen.current = lines.length;
  const unread = lines.slice(seen.current).filter((line) => !line.own).length;
  return (
    <button type="button" class={css.control} aria-expanded={open} onClick={onToggle}>
      <ChatIcon />
      <span aria-live="polite">{unread > 0 ? `Chat (${unread})` : 'Chat'}</span>
    </button>
  );
}

function CopyButton() {
  const [copied, setCopied] = useState(false);
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(location.href);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      // The address bar has it too.
      setCopied(false);
    }
  }
  return (
    <button type="button" class={css.control} onClick={() => void copy()}>
      <LinkIcon />
      <span aria-live="polite">{copied ? 'Copied' : 'Copy link'}</span>
    </button>
  );
}
