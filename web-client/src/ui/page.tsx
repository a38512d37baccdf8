/** The layout of every screen except the call. */

import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { t } from '../i18n/i18n';
import { useHeadingFocus } from './focus_management';
import css from './pages.module.css';
import { LanguagePicker, ThemePicker } from './appearance';

export function Page({ wide = false, children }: { wide?: boolean; children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  useHeadingFocus(main);
  return (
    <div class={css.page}>
      <main ref={main} class={wide ? `${css.card} ${css.wide}` : css.card}>
        {children}
      </main>
      <footer class={css.footer}>
        <LanguagePicker />
        <ThemePicker />
        <a href="/check">{t('self_test.link')}</a>
      </footer>
    </div>
  );
}
