/** Computes the position of every tile, in CSS pixels, for any number of tiles and any window. */

export interface Size {
  width: number;
  height: number;
}

export interface Box extends Size {
  x: number;
  y: number;
}

export interface Layout {
  /** The visible tiles by key. */
  boxes: ReadonlyMap<string, Box>;
  /** The key of the tile on the stage. */
  stage: string | undefined;
  page: number;
  pages: number;
}

export interface LayoutInput {
  /** Tile keys in display order. */
  keys: readonly string[];
  area: Size;
  /** The key of the tile to show large, with the others in a strip beside it. */
  stage: string | undefined;
  page: number;
}

export const GAP = 8;
/** Width to height of a camera video. */
const ASPECT = 16 / 9;
/** The smallest tile width at which a face is recognizable. */
const MIN_WIDTH = 150;
/** The most tiles on one page. */
const MAX_TILES = 25;
/** The strip's share of the window, and its bounds in CSS pixels. */
const STRIP_SHARE = 0.22;
const STRIP_MIN = 100;
const STRIP_MAX = 260;

/** Returns the layout of all tiles: a grid, or a stage if its tile exists. */
export function computeLayout(input: LayoutInput): Layout {
  const { area, keys } = input;
  if (area.width <= 0 || area.height <= 0 || keys.length === 0) {
    return { boxes: new Map(), stage: undefined, page: 0, pages: 1 };
  }
  const stage = keys.find((key) => key === input.stage);
  return stage === undefined ? layOutGrid(input) : layOutStage(input, stage);
}

/** Returns how many tiles fit on one page of a grid. */
export function capacity(area: Size): number {
  for (let count = MAX_TILES; count > 1; count -= 1) {
    if (bestGrid(count, area).tile.width >= MIN_WIDTH) return count;
  }
  return 1;
}

export interface Grid {
  columns: number;
  rows: number;
  tile: Size;
}

/** Returns the grid whose tiles show the largest videos. Tiles are between square and 16:9. */
export function bestGrid(count: number, area: Size): Grid {
  let best: Grid = { columns: 1, rows: count, tile: { width: 0, height: 0 } };
  let largest = -1;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const cell = {
      width: (area.width - GAP * (columns - 1)) / columns,
      height: (area.height - GAP * (rows - 1)) / rows,
    };
    if (cell.width <= 0 || cell.height <= 0) continue;
    const tile = fit(cell);
    const shown = videoArea(tile);
    if (shown > largest) [largest, best] = [shown, { columns, rows, tile }];
  }
  return best;
}

/** Returns the largest tile in a cell: as wide as the cell, between square and 16:9. */
function fit(cell: Size): Size {
  const height = Math.min(cell.height, cell.width);
  return { width: Math.min(cell.width, height * ASPECT), height };
}

/** Returns the area of the largest 16:9 video that fits into a tile. */
function videoArea({ width, height }: Size): number {
  const whole = Math.min(width, height * ASPECT);
  return (whole * whole) / ASPECT;
}

function layOutGrid({ keys, area, page: requested }: LayoutInput): Layout {
  const { shown, page, pages } = paginate(keys, capacity(area), requested);
  const { columns, rows, tile } = bestGrid(shown.length, area);
  const top = (area.height - rows * tile.height - (rows - 1) * GAP) / 2;
  const boxes = new Map<string, Box>();
  for (const [at, key] of shown.entries()) {
    const row = Math.floor(at / columns);
    const inRow = Math.min(columns, shown.length - row * columns);
    const left = (area.width - inRow * tile.width - (inRow - 1) * GAP) / 2;
    boxes.set(key, {
      x: left + (at % columns) * (tile.width + GAP),
      y: top + row * (tile.height + GAP),
      ...tile,
    });
  }
  return { boxes, stage: undefined, page, pages };
}

function layOutStage({ keys, area, page: requested }: LayoutInput, stage: string): Layout {
  const others = keys.filter((key) => key !== stage);
  if (others.length === 0) {
    return { boxes: new Map([[stage, { x: 0, y: 0, ...area }]]), stage, page: 0, pages: 1 };
  }
  const beside = area.width > area.height;
  const boxes = new Map<string, Box>();
  const share = (beside ? area.width : area.height) * STRIP_SHARE;
  const strip = Math.min(STRIP_MAX, Math.max(STRIP_MIN, share));
  const tile = beside
    ? { width: strip, height: strip / ASPECT }
    : { width: Math.min((area.width - GAP) / 2, strip * ASPECT), height: strip };
  const [long, step] = beside ? [area.height, tile.height + GAP] : [area.width, tile.width + GAP];
  const { shown, page, pages } = paginate(
    others,
    Math.max(1, Math.floor((long + GAP) / step)),
    requested,
  );
  boxes.set(
    stage,
    beside
      ? { x: 0, y: 0, width: area.width - strip - GAP, height: area.height }
      : { x: 0, y: 0, width: area.width, height: area.height - strip - GAP },
  );
  const start = (long - shown.length * step + GAP) / 2;
  for (const [at, key] of shown.entries()) {
    const along = start + at * step;
    boxes.set(
      key,
      beside
        ? { x: area.width - strip, y: along, ...tile }
        : { x: along, y: area.height - strip, ...tile },
    );
  }
  return { boxes, stage, page, pages };
}

/** Returns the keys of a page; the last page if the requested one does not exist. */
function paginate(
  keys: readonly string[],
  size: number,
  requested: number,
): { shown: readonly string[]; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(keys.length / size));
  const page = Math.min(Math.max(0, requested), pages - 1);
  return { shown: keys.slice(page * size, (page + 1) * size), page, pages };
}
