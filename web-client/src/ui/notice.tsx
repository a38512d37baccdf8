/** A page with a title and one message. */

import type { ComponentChildren } from 'preact';
import { t } from '../i18n/i18n';
import forms from './forms.module.css';
import { Page } from './page';

interface NoticeProps {
  title: string;
  text: string;
  children?: ComponentChildren;
}

export function Notice({ title, text, children }: NoticeProps) {
  return (
    <Page>
      <h1>{title}</h1>
      <p role="alert">{text}</p>
      {children ?? <StartPageLink />}
    </Page>
  );
}

export function StartPageLink() {
  return (
    <a class={forms.button} href="/">
      {t('notice.start_page')}
    </a>
  );
}
