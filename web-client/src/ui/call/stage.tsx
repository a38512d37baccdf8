/** The tiles, each where the layout puts it: a grid, or one on the stage and the others beside. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Call } from '../../call/call';
import { arrange, capacity, type Size } from '../../call/layout';
import { order, SELF, stageOf } from '../../call/order';
import { t } from '../../i18n/i18n';
import { ownQuality, qualityOf } from '../../stats/quality';
import { BackIcon, NextIcon } from '../icons';
import css from './stage.module.css';
import { RemoteTile, SelfTile } from './tile';
import type { CallView } from './view';

const NO_SIZE: Size = { width: 0, height: 0 };

export function Stage({ call, view }: { call: Call; view: CallView }) {
  const area = useRef<HTMLDivElement>(null);
  const size = useSize(area);
  const tiles = call.tiles.value;
  const speaking = call.voices.speaking.value;
  const statistics = call.watch.statistics.value;
  const qualities = qualityOf(statistics, call.labels.value);
  const layout = arrange({
    keys: order(tiles, speaking, capacity(size)),
    area: size,
    stage: stageOf(tiles, view.pinned.value, view.view.value, speaking.active),
    page: view.page.value,
  });
  const { boxes, stage, page, pages } = layout;
  const common = (key: string) => ({
    box: boxes.get(key),
    onStage: stage === key,
    pinned: view.pinned.value === key,
    onPin: () => view.pin(key),
  });
  const own = call.ownLeaf.value;
  return (
    <div class={css.frame} data-view={stage === undefined ? 'grid' : 'stage'}>
      <div ref={area} class={css.area}>
        {tiles
          .filter((tile) => boxes.has(tile.key))
          .map((tile) => (
            <RemoteTile
              key={tile.key}
              tile={tile}
              stream={
                call.reception.value === 'audio'
                  ? undefined
                  : call.slots.value.find((slot) => slot.id === tile.slot)?.stream
              }
              hand={call.conversation.chat.value.hands.includes(tile.participant)}
              speaking={tile.leaf !== undefined && speaking.now.has(tile.leaf)}
              quality={tile.leaf === undefined ? undefined : qualities.get(tile.leaf)}
              {...common(tile.key)}
            />
          ))}
        {boxes.has(SELF) && (
          <SelfTile
            call={call}
            speaking={own !== undefined && speaking.now.has(own)}
            quality={ownQuality(statistics)}
            {...common(SELF)}
          />
        )}
      </div>
      {pages > 1 && <Pages page={page} pages={pages} onTurn={(next) => (view.page.value = next)} />}
    </div>
  );
}

interface PagesProps {
  page: number;
  pages: number;
  onTurn: (page: number) => void;
}

function Pages({ page, pages, onTurn }: PagesProps) {
  return (
    <nav class={css.pages} aria-label={t('stage.pages')}>
      <button
        type="button"
        disabled={page === 0}
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
        disabled={page === pages - 1}
        aria-label={t('stage.next')}
        onClick={() => onTurn(page + 1)}
      >
        <NextIcon />
      </button>
    </nav>
  );
}

/** The size of an element, followed. */
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
