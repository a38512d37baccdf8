/** The panel beside the tiles: participants, chat or connection statistics. */

import type { Call } from '../../call/call';
import { t } from '../../i18n/i18n';
import { ChatPanel } from '../chat_panel';
import { CloseIcon } from '../icons';
import { ConnectionPanel } from './connection_panel';
import css from './panel.module.css';
import { PeoplePanel } from './people_panel';
import type { CallView, Panel } from './call_view';

interface Props {
  call: Call;
  view: CallView;
  panel: Panel;
}

export function SidePanel({ call, view, panel }: Props) {
  const names: Record<Panel, string> = {
    people: t('panel.people'),
    chat: t('panel.chat'),
    connection: t('panel.connection'),
  };
  return (
    <aside class={css.panel} aria-label={names[panel]}>
      <header class={css.head}>
        {panel === 'connection' ? (
          <h2>{names.connection}</h2>
        ) : (
          <div class={css.tabs} role="group" aria-label={t('panel.tabs')}>
            {(['people', 'chat'] as const).map((one) => (
              <button
                key={one}
                type="button"
                aria-pressed={panel === one}
                aria-label={t('panel.show', { panel: names[one] })}
                onClick={() => (view.panel.value = one)}
              >
                {names[one]}
              </button>
            ))}
          </div>
        )}
        <button
          type="button"
          class={css.close}
          aria-label={t('close')}
          onClick={() => (view.panel.value = undefined)}
        >
          <CloseIcon />
        </button>
      </header>
      <Content call={call} view={view} panel={panel} />
    </aside>
  );
}

function Content({ call, view, panel }: Props) {
  switch (panel) {
    case 'people':
      return <PeoplePanel call={call} view={view} />;
    case 'chat':
      return <ChatPanel call={call} />;
    case 'connection':
      return <ConnectionPanel call={call} />;
  }
}
