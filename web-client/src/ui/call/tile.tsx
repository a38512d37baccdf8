/** A tile: one participant's camera or shared screen. */

import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Call } from '../../call/call';
import type { Box } from '../../call/layout/layout';
import type { Tile } from '../../call/layout/tiles';
import { t } from '../../i18n/i18n';
import { settings } from '../../settings/settings';
import type { Quality } from '../../stats/quality';
import { HandIcon, MicrophoneIcon, PinIcon, SignalIcon } from '../icons';
import { VideoView } from '../video_view';
import css from './stage.module.css';

interface Place {
  box: Box | undefined;
  onStage: boolean;
  pinned: boolean;
  onPin: () => void;
  speaking: boolean;
  quality: Quality | undefined;
}

interface RemoteProps extends Place {
  tile: Tile;
  stream: MediaStream | undefined;
  /** The participant's connection, for signaling or media, is interrupted. */
  disconnected: boolean;
  hand: boolean;
}

export function RemoteTile({ tile, stream, disconnected, hand, ...place }: RemoteProps) {
  const name = tile.outside ? t('tile.non_member') : tile.name;
  const screen = tile.source === 'screen';
  const title = screen ? t('tile.screen', { name }) : name;
  return (
    <Frame
      title={title}
      {...place}
      data-leaf={tile.leaf}
      data-source={tile.source}
      data-slot={tile.slot}
      data-non-member={tile.outside}
      data-disconnected={disconnected}
    >
      {stream === undefined ? (
        <Initials name={tile.outside ? '?' : name} />
      ) : (
        <VideoView stream={stream} label={screen ? title : t('tile.camera', { name })} />
      )}
      <figcaption>
        {tile.muted && !tile.outside && <MicrophoneIcon off title={t('tile.muted')} />}
        {hand && !screen && <HandIcon title={t('tile.hand')} />}
        <QualityIcon quality={place.quality} />
        <span>{disconnected ? t('tile.disconnected', { name: title }) : title}</span>
      </figcaption>
    </Frame>
  );
}

export function SelfTile({ call, ...place }: Place & { call: Call }) {
  const track = call.devices.camera.track.value;
  const stream = useMemo(
    () => (track === undefined ? undefined : new MediaStream([track])),
    [track],
  );
  const muted = call.devices.microphone.track.value === undefined;
  const title = t('tile.you', { name: call.name });
  return (
    <Frame title={title} {...place} data-self>
      {stream === undefined ? (
        <Initials name={call.name} />
      ) : (
        <VideoView
          stream={stream}
          mirrored={settings.mirrored.value}
          label={t('prejoin.your_camera')}
        />
      )}
      <figcaption>
        {muted && <MicrophoneIcon off title={t('tile.muted')} />}
        {call.chat.handRaised.value && <HandIcon title={t('tile.hand')} />}
        <QualityIcon quality={place.quality} />
        <span>{title}</span>
      </figcaption>
    </Frame>
  );
}

interface FrameProps extends Place {
  title: string;
  children: ComponentChildren;
  [data: `data-${string}`]: unknown;
}

function Frame({ title, box, onStage, pinned, onPin, speaking, children, ...rest }: FrameProps) {
  const { quality: _, ...data } = rest;
  const place =
    box === undefined
      ? {}
      : {
          left: `${box.x}px`,
          top: `${box.y}px`,
          width: `${box.width}px`,
          height: `${box.height}px`,
        };
  return (
    <figure class={css.tile} style={place} data-speaking={speaking} data-stage={onStage} {...data}>
      {children}
      <button
        type="button"
        class={css.pin}
        aria-pressed={pinned}
        aria-label={t('tile.pin', { name: title })}
        onClick={onPin}
      >
        <PinIcon />
      </button>
    </figure>
  );
}

/** Shows a fair or poor connection; a good one has no icon. */
function QualityIcon({ quality }: { quality: Quality | undefined }) {
  switch (quality) {
    case undefined:
    case 'good':
      return null;
    case 'fair':
      return <SignalIcon bars={2} title={t('quality.fair')} />;
    case 'poor':
      return <SignalIcon bars={1} title={t('quality.poor')} />;
  }
}

export function Initials({ name }: { name: string }) {
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
