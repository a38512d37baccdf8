/** A page with one thing to say. */

import type { ComponentChildren } from 'preact';
import css from './pages.module.css';

interface NoticeProps {
  title: string;
  text: string;
  children?: ComponentChildren;
}

export function Notice({ title, text, children }: NoticeProps) {
  return (
    <main class={css.page}>
      <section class={css.card} role="alert">
        <h1>{title}</h1>
        <p>{text}</p>
        {children ?? (
          <a class={css.button} href="/">
            Start a new meeting
          </a>
        )}
      </section>
    </main>
  );
}
