/** Passphrases on top of links. Both take about a second. */

import linkWorkerUrl from './link.worker.ts?worker&url';
import type { FromLink, ToLink } from './messages';
import { ownScript } from '../trusted_script_url';

/** The same words, however a keyboard composes their letters. */
function composed(passphrase: string): string {
  return passphrase.trim().normalize('NFC');
}

/** The fragment of a new link to a room that opens with this passphrase only. */
export async function lockedFragment(room: string, passphrase: string): Promise<string> {
  const answer = await ask({ type: 'lock', room, passphrase: composed(passphrase) });
  if (answer.type !== 'locked') throw new Error('the link could not be made');
  return answer.link;
}

/** The fragment of the link that this one and its passphrase stand for, or nothing if the
 * passphrase is not that of the link. It is for the call, not for handing on. */
export async function openLink(
  { room, fragment }: { room: string; fragment: string },
  typed: string,
): Promise<string | undefined> {
  const passphrase = composed(typed);
  const answer = await ask({ type: 'open', room, link: fragment, passphrase });
  if (answer.type === 'wrong') return undefined;
  if (answer.type !== 'opened') throw new Error('the link could not be opened');
  return answer.link;
}

function ask(request: ToLink): Promise<FromLink> {
  const worker = new Worker(ownScript(linkWorkerUrl), { type: 'module', name: 'link' });
  return new Promise<FromLink>((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<FromLink>) => resolve(event.data);
    worker.onerror = () => reject(new Error('the link worker did not start'));
    worker.postMessage(request);
  }).finally(() => worker.terminate());
}
