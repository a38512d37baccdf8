/** A form that saves the meeting as an iCalendar file. The file is made in the browser. */

import { useState } from 'preact/hooks';
import { createCalendarFile } from '../calendar/ics';
import { t } from '../i18n/i18n';
import type { MeetingLink } from '../link';
import forms from './forms.module.css';

const LENGTHS = [15, 30, 45, 60, 90, 120] as const;
const DEFAULT_MINUTES = 60;
const TITLE_CHARS = 200;
/** Time after which the browser has read the file and its object URL is revoked. */
const REVOKE_AFTER_MS = 10_000;

/** The link in the calendar contains the meeting's key, or only identifies the meeting. */
type LinkKind = 'key' | 'no_key';

export function CalendarForm({ link }: { link: MeetingLink }) {
  const [title, setTitle] = useState(() => t('calendar.default_title'));
  const [start, setStart] = useState(nextHour);
  const [minutes, setMinutes] = useState(DEFAULT_MINUTES);
  const [linkKind, setLinkKind] = useState<LinkKind>('key');

  function save(event: Event): void {
    event.preventDefault();
    const bare = `${location.origin}/${link.room}`;
    const url = linkKind === 'key' ? `${bare}#${link.fragment}` : bare;
    const file = createCalendarFile({
      uid: `${crypto.randomUUID()}@${location.hostname}`,
      title: title.trim() || t('calendar.default_title'),
      text: linkKind === 'key' ? url : `${url}\n\n${t('calendar.key_elsewhere')}`,
      url,
      start: new Date(start),
      minutes,
      now: new Date(),
    });
    download(file);
  }

  return (
    <form class={forms.group} onSubmit={save}>
      <label class={forms.field}>
        <span>{t('calendar.name')}</span>
        <input
          type="text"
          maxLength={TITLE_CHARS}
          value={title}
          onInput={(event) => setTitle(event.currentTarget.value)}
        />
      </label>
      <div class={forms.row}>
        <label class={forms.field}>
          <span>{t('calendar.start')}</span>
          <input
            type="datetime-local"
            required
            value={start}
            onInput={(event) => setStart(event.currentTarget.value)}
          />
        </label>
        <label class={forms.field}>
          <span>{t('calendar.duration')}</span>
          <select
            value={minutes}
            onChange={(event) => setMinutes(Number(event.currentTarget.value))}
          >
            {LENGTHS.map((length) => (
              <option key={length} value={length}>
                {t('calendar.minutes', { minutes: String(length) })}
              </option>
            ))}
          </select>
        </label>
      </div>
      <fieldset class={forms.group}>
        <legend>{t('calendar.link')}</legend>
        {(['key', 'no_key'] as const).map((one) => (
          <label key={one} class={forms.checkbox}>
            <input
              type="radio"
              name="calendar-link"
              checked={linkKind === one}
              onChange={() => setLinkKind(one)}
            />
            <span>{linkLabel(one, link.protected)}</span>
          </label>
        ))}
      </fieldset>
      <p class={forms.quiet}>{t('calendar.repeat')}</p>
      <button type="submit" class={forms.button}>
        {t('calendar.save')}
      </button>
    </form>
  );
}

function linkLabel(kind: LinkKind, locked: boolean): string {
  if (kind === 'no_key') return t('calendar.no_key');
  return locked ? t('calendar.key_with_passphrase') : t('calendar.key');
}

/** Returns the next full hour as the value of a `datetime-local` field. */
function nextHour(): string {
  const at = new Date();
  at.setHours(at.getHours() + 1, -at.getTimezoneOffset(), 0, 0);
  return at.toISOString().slice(0, 16);
}

function download(file: string): void {
  const address = URL.createObjectURL(new Blob([file], { type: 'text/calendar' }));
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.download = 'meeting.ics';
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), REVOKE_AFTER_MS);
}
