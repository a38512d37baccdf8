/** A reload during a meeting. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  GREEN_YELLOW,
  type CameraPattern,
  type Person,
  RED_BLUE,
  WHITE_PURPLE,
} from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed(() => ({ log: 'warn,protocol_trace=trace' }));

const root = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Checks a trace against the specification. */
async function check(lines: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'orange-trace-'));
  const file = join(folder, 'trace.jsonl');
  writeFileSync(file, lines.join('\n'));
  return new Promise((resolve) => {
    execFile(root('tla/check_trace.mjs'), [file], (_, stdout, stderr) => {
      rmSync(folder, { recursive: true });
      resolve(stdout + stderr);
    });
  });
}

/** Three participants whose pages log their protocol steps. */
async function meeting(): Promise<{ ada: Person; bob: Person; cleo: Person }> {
  const ada = await tells('Ada', RED_BLUE);
  const link = await testbed.newMeeting(ada);
  const bob = await tells('Bob', GREEN_YELLOW);
  await bob.join(link);
  await Promise.all([ada.isIn(2), bob.isIn(2)]);
  const cleo = await tells('Cleo', WHITE_PURPLE);
  await cleo.join(link);
  await Promise.all([ada.isIn(3), bob.isIn(3), cleo.isIn(3)]);
  return { ada, bob, cleo };
}

async function tells(name: string, pattern: CameraPattern): Promise<Person> {
  const one = await testbed.person(name, pattern);
  await one.page.addInitScript(() => localStorage.setItem('orange-meets.trace', 'true'));
  return one;
}

describe('a reloaded page', () => {
  it('takes its place again, is seen and heard, and follows the specification', async () => {
    const { ada, bob, cleo } = await meeting();
    const people = [ada, bob, cleo];
    await Promise.all([ada.waitToSee('Bob', GREEN_YELLOW), cleo.waitToSee('Bob', GREEN_YELLOW)]);
    const [epoch, code] = [await ada.epoch(), await ada.roomCode()];
    // The maximum number of tiles of Bob on Ada's page, from now on.
    await ada.page.evaluate(() => {
      const counts: number[] = [];
      Object.assign(window, { counts });
      const count = (): void => {
        const named = [...document.querySelectorAll('figure')].map((tile) => tile.textContent);
        counts.push(named.filter((text) => text.includes('Bob')).length);
      };
      new MutationObserver(count).observe(document.body, { subtree: true, childList: true });
    });

    await bob.page.reload();
    await bob.enter();
    await Promise.all(people.map((one) => one.isIn(3)));
    await Promise.all([
      ada.waitToSee('Bob', GREEN_YELLOW),
      bob.waitToSee('Ada', RED_BLUE),
      bob.waitToSee('Cleo', WHITE_PURPLE),
      cleo.waitToSee('Bob', GREEN_YELLOW),
    ]);
    // One commit removed the old leaf and added the new one.
    expect(await ada.epoch()).toBe(epoch + 1);
    expect(await ada.roomCode()).toBe(code);
    const counts = await ada.page.evaluate(
      () => (window as unknown as { counts: number[] }).counts,
    );
    expect(Math.max(0, ...counts), 'no ghost beside him').toBe(1);
    await ada.page.getByRole('button', { name: /^People/ }).click();
    const list = ada.page.getByRole('list', { name: 'People' });
    for (const name of ['Ada', 'Bob', 'Cleo']) {
      expect(await list.getByRole('listitem').filter({ hasText: name }).count()).toBe(1);
    }

    await cleo.leave();
    await Promise.all([ada.isIn(2), bob.isIn(2)]);
    const lines = [...testbed.server.trace, ...people.flatMap((one) => one.trace)];
    const judged = lines.findIndex((line) => line.includes('"step":"voted"'));
    const members = '"members":[1,2,3]';
    const doctored = lines.map((line) => line.replace(members, '"members":[1,2,3,4]'));
    expect(doctored).not.toEqual(lines);
    const [told, shortened, changed] = await Promise.all(
      [lines, lines.toSpliced(judged, 1), doctored].map(check),
    );
    expect(told).toMatch(new RegExp(`^accepted: ${lines.length} steps of 4 participants`));
    expect(shortened).toMatch(/^refused/);
    expect(changed).toMatch(/^refused/);
  });
});
