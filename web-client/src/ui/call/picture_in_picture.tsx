/** Document Picture-in-Picture: a small always-on-top window with the active speaker. */

import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Call } from '../../call/call';
import { selectStage } from '../../call/layout/tile_order';
import type { Tile } from '../../call/layout/tiles';
import { language, t } from '../../i18n/i18n';
import { settings } from '../../settings/settings';
import { CameraIcon, LeaveIcon, MicrophoneIcon } from '../icons';
import { VideoView } from '../video_view';
import { toggleCamera, toggleMicrophone } from './actions';
import css from './picture_in_picture.module.css';
import { Initials } from './tile';
import type { CallView } from './call_view';

interface PictureInPicture {
  requestWindow(size: { width: number; height: number }): Promise<Window>;
}

function api(): PictureInPicture | undefined {
  return (globalThis as { documentPictureInPicture?: PictureInPicture }).documentPictureInPicture;
}

export function supportsPictureInPicture(): boolean {
  return api() !== undefined;
}

/** Returns the key of the tile that the window shows, while it is open. */
export function pictureInPictureTile(
  tiles: readonly Tile[],
  view: CallView,
  active: number | undefined,
): string | undefined {
  if (view.pictureInPicture.value === undefined) return undefined;
  return selectStage(tiles, view.pinned.value, 'speaker', active);
}

export async function openPictureInPicture(view: CallView): Promise<void> {
  try {
    const opened = await api()?.requestWindow({ width: 380, height: 260 });
    if (opened === undefined) return;
    opened.addEventListener('pagehide', () => (view.pictureInPicture.value = undefined));
    view.pictureInPicture.value = opened;
  } catch {
    // The browser refused.
  }
}

/** Renders into the window while it is open. */
export function PictureInPictureWindow({ call, view }: { call: Call; view: CallView }) {
  const opened = view.pictureInPicture.value;
  useEffect(() => {
    if (opened === undefined) return undefined;
    const { document: page } = opened;
    for (const sheet of document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]')) {
      const copy = page.createElement('link');
      copy.rel = 'stylesheet';
      copy.href = sheet.href;
      page.head.append(copy);
    }
    page.title = t('call.title');
    page.documentElement.lang = language();
    page.documentElement.dataset['theme'] = settings.theme.value;
    render(<Picture call={call} view={view} />, page.body);
    return () => {
      render(null, page.body);
      opened.close();
    };
  }, [opened, call, view]);
  return null;
}

function Picture({ call, view }: { call: Call; view: CallView }) {
  const tiles = call.tiles.value;
  const key = pictureInPictureTile(tiles, view, call.audioLevels.speakers.value.active);
  const tile = tiles.find((one) => one.key === key);
  const stream = call.media.slots.value.find((slot) => slot.id === tile?.slot)?.stream;
  const name = tile?.name ?? call.name;
  const microphone = call.devices.microphone.track.value !== undefined;
  const camera = call.devices.camera.track.value !== undefined;
  return (
    <main class={css.picture}>
      {stream === undefined ? <Initials name={name} /> : <VideoView stream={stream} label={name} />}
      <p>{name}</p>
      <footer>
        <button
          type="button"
          aria-label={microphone ? t('bar.mute') : t('bar.unmute')}
          onClick={() => toggleMicrophone(call)}
        >
          <MicrophoneIcon off={!microphone} />
        </button>
        <button
          type="button"
          aria-label={camera ? t('bar.camera_off') : t('bar.camera_on')}
          onClick={() => toggleCamera(call)}
        >
          <CameraIcon off={!camera} />
        </button>
        <button type="button" aria-label={t('bar.leave')} onClick={() => call.leave()}>
          <LeaveIcon />
        </button>
      </footer>
    </main>
  );
}
