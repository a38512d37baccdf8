/** Where every tile goes: pure geometry, in CSS pixels, for any number of tiles and any window. */

export interface Size {
  width: number;
  height: number;
}

export interface Box extends Size {
  x: number;
  y: number;
}

export interface Arrangement {
  /** Where the visible tiles are, by key. */
  boxes: ReadonlyMap<string, Box>;
  /** The tile on the stage. */
  stage: string | undefined;
  page: number;
  pages: number;
}

export interface Wish {
  /** In the order in which they are shown. */
  keys: readonly string[];
  area: Size;
  /** Shown large, with the others in a strip beside it. */
  stage: string | undefined;
  page: number;
}

export const GAP = 8;
/** Width to height of a camera's picture. */
const ASPECT = 16 / 9;
/** A face smaller than this is no company. */
const LEAST_WIDTH = 150;
/** More faces than this on one page are a crowd. */
const MOST = 25;
/** The strip's share of the window, and its bounds. */
const STRIP_SHARE = 0.22;
const STRIP_LEAST = 100;
const STRIP_MOST = 260;

export function arrange(wish: Wish): Arrangement {
  const { area, keys } = wish;
  if (area.width <= 0 || area.height <= 0 || keys.length === 0) {
    return { boxes: new Map(), stage: undefined, page: 0, pages: 1 };
  }
  const stage = keys.find((key) => key === wish.stage);
  return stage === undefined ? arrangeGrid(wish) : arrangeStage(wish, stage);
}

/** How many tiles fit on one page of a grid. */
export function capacity(area: Size): number {
  for (let count = MOST; count > 1; count -= 1) {
    if (bestGrid(count, area).tile.width >= LEAST_WIDTH) return count;
  }
  return 1;
}

export interface Grid {
  columns: number;
  rows: number;
  tile: Size;
}

/** The grid whose tiles show the most of their pictures. Tiles may be between square and wide. */
export function bestGrid(count: number, area: Size): Grid {
  let best: Grid = { columns: 1, rows: count, tile: { width: 0, height: 0 } };
  let most = -1;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const room = {
      width: (area.width - GAP * (columns - 1)) / columns,
      height: (area.height - GAP * (rows - 1)) / rows,
    };
    if (room.width <= 0 || room.height <= 0) continue;
    const tile = fit(room);
    const shown = picture(tile);
    if (shown > most) [most, best] = [shown, { columns, rows, tile }];
  }
  return best;
}

/** The largest tile in a room: as wide as the room lets it, between square and 16 to 9. */
function fit(room: Size): Size {
  const height = Math.min(room.height, room.width);
  return { width: Math.min(room.width, height * ASPECT), height };
}

/** The area of a 16 to 9 picture that would fit whole. */
function picture({ width, height }: Size): number {
  const whole = Math.min(width, height * ASPECT);
  return (whole * whole) / ASPECT;
}

function arrangeGrid({ keys, area, page: wanted }: Wish): Arrangement {
  const { shown, page, pages } = paged(keys, capacity(area), wanted);
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

function arrangeStage({ keys, area, page: wanted }: Wish, stage: string): Arrangement {
  const others = keys.filter((key) => key !== stage);
  if (others.length === 0) {
    return { boxes: new Map([[stage, { x: 0, y: 0, ...area }]]), stage, page: 0, pages: 1 };
  }
  const beside = area.width > area.height;
  const boxes = new Map<string, Box>();
  const share = (beside ? area.width : area.height) * STRIP_SHARE;
  const strip = Math.min(STRIP_MOST, Math.max(STRIP_LEAST, share));
  const tile = beside
    ? { width: strip, height: strip / ASPECT }
    : { width: Math.min((area.width - GAP) / 2, strip * ASPECT), height: strip };
  const [long, step] = beside ? [area.height, tile.height + GAP] : [area.width, tile.width + GAP];
  const { shown, page, pages } = paged(
    others,
    Math.max(1, Math.floor((long + GAP) / step)),
    wanted,
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

function paged(
  keys: readonly string[],
  size: number,
  wanted: number,
): { shown: readonly string[]; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(keys.length / size));
  const page = Math.min(Math.max(0, wanted), pages - 1);
  return { shown: keys.slice(page * size, (page + 1) * size), page, pages };
}
