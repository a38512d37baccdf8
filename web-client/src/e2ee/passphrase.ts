/** Links that are protected by a passphrase. Creating and opening one takes about a second. */

import linkWorkerUrl from './link.worker.ts?worker&url';
import type { FromLink, ToLink } from './messages';
import { trustedScriptUrl } from '../trusted_script_url';

/** Normalizes a passphrase, since keyboards compose letters differently. */
function normalize(passphrase: string): string {
  return passphrase.trim().normalize('NFC');
}

/** Returns the fragment of a new link to a room that can be opened only with this passphrase. */
export async function createProtectedFragment(room: string, passphrase: string): Promise<string> {
  const answer = await ask({ type: 'lock', room, passphrase: normalize(passphrase) });
  if (answer.type !== 'locked') throw new Error('the link could not be made');
  return answer.link;
}

/** Returns the fragment of the unprotected link, or `undefined` if the passphrase is wrong. It is for
 * the call only and must not be shared. */
export async function openProtectedFragment(
  { room, fragment }: { room: string; fragment: string },
  typed: string,
): Promise<string | undefined> {
  const passphrase = normalize(typed);
  const answer = await ask({ type: 'open', room, link: fragment, passphrase });
  if (answer.type === 'wrong_passphrase') return undefined;
  if (answer.type !== 'opened') throw new Error('the link could not be opened');
  return answer.link;
}

function ask(request: ToLink): Promise<FromLink> {
  const worker = new Worker(trustedScriptUrl(linkWorkerUrl), { type: 'module', name: 'link' });
  return new Promise<FromLink>((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<FromLink>) => resolve(event.data);
    worker.onerror = () => reject(new Error('the link worker did not start'));
    worker.postMessage(request);
  }).finally(() => worker.terminate());
}
