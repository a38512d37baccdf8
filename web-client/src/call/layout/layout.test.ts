import { describe, expect, it } from 'vitest';
import { computeLayout, type Layout, bestGrid, type Box, capacity, type Size } from './layout';

const WIDE: Size = { width: 1280, height: 640 };
const PHONE: Size = { width: 360, height: 560 };
const keys = (count: number): string[] => Array.from({ length: count }, (_, n) => `tile ${n}`);

function grid(count: number, area: Size, page = 0): Layout {
  return computeLayout({ keys: keys(count), area, stage: undefined, page });
}

function inside(box: Box, area: Size): boolean {
  const slack = 0.01;
  return (
    box.x >= -slack &&
    box.y >= -slack &&
    box.x + box.width <= area.width + slack &&
    box.y + box.height <= area.height + slack
  );
}

function overlap(a: Box, b: Box): boolean {
  return (
    a.x < b.x + b.width - 0.01 &&
    b.x < a.x + a.width - 0.01 &&
    a.y < b.y + b.height - 0.01 &&
    b.y < a.y + a.height - 0.01
  );
}

const AREAS: Size[] = [WIDE, PHONE, { width: 800, height: 800 }, { width: 300, height: 120 }];

describe('a grid', () => {
  it.each(AREAS)('in %j keeps any number of tiles inside and apart', (area) => {
    for (let count = 1; count <= 60; count += 1) {
      for (const stage of [undefined, 'tile 0']) {
        const boxes = [
          ...computeLayout({ keys: keys(count), area, stage, page: 0 }).boxes.values(),
        ];
        expect(boxes.every((box) => inside(box, area))).toBe(true);
        const apart = boxes.every((a, at) => boxes.slice(at + 1).every((b) => !overlap(a, b)));
        expect(apart).toBe(true);
      }
    }
  });

  it('places two tiles side by side in a wide window, and stacked on a phone', () => {
    expect(bestGrid(2, WIDE)).toMatchObject({ columns: 2, rows: 1 });
    expect(bestGrid(2, PHONE)).toMatchObject({ columns: 1, rows: 2 });
  });

  it('centres a last row that is not full', () => {
    const boxes = [...grid(3, { width: 800, height: 450 }).boxes.values()];
    const last = boxes[2];
    expect((last?.x ?? 0) + (last?.width ?? 0) / 2).toBeCloseTo(400);
  });

  it('adds pages when tiles would be too small, and shows every tile on one', () => {
    const size = capacity(PHONE);
    expect(size).toBeLessThan(20);
    const { pages } = grid(20, PHONE);
    const shown = Array.from({ length: pages }, (_, n) => [...grid(20, PHONE, n).boxes.keys()]);
    expect(shown.flat()).toEqual(keys(20));
  });

  it('shows the last page when the requested one is gone', () => {
    expect(grid(3, WIDE, 7)).toMatchObject({ page: 0, pages: 1 });
  });

  it('is empty while the window has no size', () => {
    expect(grid(3, { width: 0, height: 0 }).boxes.size).toBe(0);
  });
});

describe('a stage', () => {
  const stage = 'tile 1';

  it('takes most of the window, with the others in a strip beside it', () => {
    const { boxes } = computeLayout({ keys: keys(4), area: WIDE, stage, page: 0 });
    const large = boxes.get(stage);
    expect((large?.width ?? 0) * (large?.height ?? 0)).toBeGreaterThan(
      WIDE.width * WIDE.height * 0.7,
    );
    expect(boxes.size).toBe(4);
  });

  it('has its strip below in a tall window', () => {
    const { boxes } = computeLayout({ keys: keys(3), area: PHONE, stage, page: 0 });
    expect(boxes.get(stage)?.width).toBe(PHONE.width);
  });

  it('fills the window when there is no other tile', () => {
    const { boxes } = computeLayout({ keys: [stage], area: WIDE, stage, page: 0 });
    expect(boxes.get(stage)).toEqual({ x: 0, y: 0, ...WIDE });
  });

  it('falls back to the grid when its tile is gone', () => {
    expect(
      computeLayout({ keys: keys(1), area: WIDE, stage: 'gone', page: 0 }).stage,
    ).toBeUndefined();
  });
});
