/** After the call. */

import { Notice } from './notice';
import css from './pages.module.css';

export function Ended({ why, onAgain }: { why: string | undefined; onAgain: () => void }) {
  return (
    <Notice
      title={why === undefined ? 'You left the meeting' : 'The meeting ended for you'}
      text={why ?? 'The keys of this meeting are gone from this browser.'}
    >
      <div class={css.row}>
        <button class={css.primary} type="button" onClick={onAgain}>
          Join again
        </button>
        <a class={css.button} href="/">
          To the start page
        </a>
      </div>
    </Notice>
  );
}
