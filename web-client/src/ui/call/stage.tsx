/** The tiles: a grid, or one on the stage and the others beside it. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Call } from '../../call/call';
import { computeLayout, type Box, capacity, type Size } from '../../call/layout/layout';
import { orderTiles, SELF, selectStage } from '../../call/layout/tile_order';
import { videoConstraints } from '../../call/media/video_constraints';
import { t } from '../../i18n/i18n';
import { connectionQualities } from '../../stats/quality';
import { BackIcon, NextIcon } from '../icons';
import css from './stage.module.css';
import { pictureInPictureTile } from './picture_in_picture';
import { RemoteTile, SelfTile } from './tile';
import type { CallView } from './call_view';

const NO_SIZE: Size = { width: 0, height: 0 };

export function Stage({ call, view }: { call: Call; view: CallView }) {
  const area = useRef<HTMLDivElement>(null);
  const size = useSize(area);
  const tiles = call.tiles.value;
  const speaking = call.audioLevels.speakers.value;
  const quality = connectionQualities(
    call.media.statistics.value,
    call.media.received.labels.value,
  );
  const layout = computeLayout({
    keys: orderTiles(tiles, speaking, capacity(size)),
    area: size,
    stage: selectStage(tiles, view.pinned.value, view.view.value, speaking.active),
    page: view.page.value,
  });
  const { boxes, stage, page, pages } = layout;
  const common = (key: string) => ({
    box: boxes.get(key),
    onStage: stage === key,
    pinned: view.pinned.value === key,
    onPin: () => view.pin(key),
  });
  const picture = view.pictureInPicture.value;
  const constraints = videoConstraints({
    tiles,
    heights: heightsOf(
      boxes,
      pictureInPictureTile(tiles, view, speaking.active),
      picture?.innerHeight ?? 0,
    ),
    pinned: view.pinned.value,
    receiveMode: call.media.receiveMode.value,
    ratio: devicePixelRatio,
  });
  useEffect(() => call.media.setVideoConstraints(constraints));
  useValidPage(view, page, boxes.size > 0, area);
  const own = call.membership.ownLeaf.value;
  return (
    <div class={css.frame} data-view={stage === undefined ? 'grid' : 'stage'}>
      <div ref={area} class={css.area} tabIndex={-1}>
        {tiles
          .filter((tile) => boxes.has(tile.key))
          .map((tile) => (
            <RemoteTile
              key={tile.key}
              tile={tile}
              stream={
                call.media.receiveMode.value === 'audio'
                  ? undefined
                  : call.media.slots.value.find((slot) => slot.id === tile.slot)?.stream
              }
              disconnected={call.membership.disconnected.all.value.has(tile.participant)}
              hand={call.chat.state.value.hands.includes(tile.participant)}
              speaking={tile.leaf !== undefined && speaking.speaking.has(tile.leaf)}
              quality={tile.leaf === undefined ? undefined : quality.members.get(tile.leaf)}
              {...common(tile.key)}
            />
          ))}
        {boxes.has(SELF) && (
          <SelfTile
            call={call}
            speaking={own !== undefined && speaking.speaking.has(own)}
            quality={quality.own}
            {...common(SELF)}
          />
        )}
      </div>
      {pages > 1 && <Pages page={page} pages={pages} onTurn={(next) => (view.page.value = next)} />}
    </div>
  );
}

/** Keeps the page number in range. If the focused tile is no longer shown, moves the focus to the tile
 * area. */
function useValidPage(
  view: CallView,
  page: number,
  arranged: boolean,
  area: { current: HTMLElement | null },
): void {
  // A page chosen since this render is not overwritten.
  const asked = view.page.value;
  useEffect(() => {
    if (arranged && asked !== page && view.page.value === asked) view.page.value = page;
  });
  const shown = useRef(page);
  useEffect(() => {
    if (shown.current === page) return;
    shown.current = page;
    if (document.activeElement === document.body) area.current?.focus();
  }, [page, area]);
}

/** Returns the height of each shown tile in CSS pixels, including picture-in-picture. */
function heightsOf(
  boxes: ReadonlyMap<string, Box>,
  floats: string | undefined,
  height: number,
): Map<string, number> {
  const heights = new Map([...boxes].map(([key, box]) => [key, box.height]));
  if (floats !== undefined) heights.set(floats, Math.max(height, heights.get(floats) ?? 0));
  return heights;
}

interface PagesProps {
  page: number;
  pages: number;
  onTurn: (page: number) => void;
}

/** Turns pages. On the first and last page a button is marked disabled but stays focusable. */
function Pages({ page, pages, onTurn }: PagesProps) {
  return (
    <nav class={css.pages} aria-label={t('stage.pages')}>
      <button
        type="button"
        aria-disabled={page === 0}
        aria-label={t('stage.previous')}
        onClick={() => onTurn(page - 1)}
      >
        <BackIcon />
      </button>
      <span aria-live="polite">
        {t('stage.page', { page: String(page + 1), pages: String(pages) })}
      </span>
      <button
        type="button"
        aria-disabled={page === pages - 1}
        aria-label={t('stage.next')}
        onClick={() => onTurn(page + 1)}
      >
        <NextIcon />
      </button>
    </nav>
  );
}

/** Returns the size of an element, updated when it changes. */
function useSize(element: { current: HTMLElement | null }): Size {
  const [size, setSize] = useState<Size>(NO_SIZE);
  useEffect(() => {
    const watched = element.current;
    if (watched === null) return undefined;
    const measure = (): void =>
      setSize({ width: watched.clientWidth, height: watched.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(watched);
    measure();
    return () => observer.disconnect();
  }, [element]);
  return size;
}
