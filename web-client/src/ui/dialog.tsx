/** A modal dialog based on the `dialog` element, which traps and restores the focus. */

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { t } from '../i18n/i18n';
import css from './dialog.module.css';
import { CloseIcon } from './icons';

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** Opens when mounted and closes when unmounted. */
export function Dialog({ title, onClose, children }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = element.current;
    if (dialog === null) return undefined;
    dialog.showModal();
    // Closes on a click outside, where the browser supports it.
    dialog.setAttribute('closedby', 'any');
    return () => dialog.close();
  }, []);
  return (
    <dialog ref={element} class={css.dialog} aria-labelledby={heading} onClose={onClose}>
      <header class={css.head}>
        <h2 id={heading}>{title}</h2>
        <button
          type="button"
          class={css.close}
          aria-label={t('close')}
          onClick={() => element.current?.close()}
        >
          <CloseIcon />
        </button>
      </header>
      <div class={css.body}>{children}</div>
    </dialog>
  );
}
