/** The menu of less frequent actions. */

import type { VNode } from 'preact';
import type { Call } from '../../call/call';
import { t } from '../../i18n/i18n';
import {
  FullScreenIcon,
  GridIcon,
  KeyboardIcon,
  MoreIcon,
  PictureIcon,
  SettingsIcon,
  SignalIcon,
  StageIcon,
} from '../icons';
import { toggleFullScreen } from './actions';
import css from './bar.module.css';
import { controls } from './controls';
import { supportsPictureInPicture, openPictureInPicture } from './picture_in_picture';
import type { CallView } from './call_view';

export function MoreMenu({ call, view }: { call: Call; view: CallView }) {
  const grid = view.view.value === 'grid';
  return (
    <>
      <button type="button" class={css.control} popovertarget="more" aria-haspopup="true">
        <MoreIcon />
        <span>{t('bar.more')}</span>
      </button>
      <div id="more" popover="auto" class={css.menu}>
        {controls(call, view).map(({ id, icon, label, onActivate, disabled = false }) => (
          <Item
            key={id}
            icon={icon}
            label={label}
            onActivate={onActivate}
            disabled={disabled}
            data-small-only
          />
        ))}
        <Item
          icon={grid ? <StageIcon /> : <GridIcon />}
          label={grid ? t('more.speaker_view') : t('more.grid_view')}
          onActivate={() => view.switchView()}
        />
        {document.fullscreenEnabled && (
          <Item
            icon={<FullScreenIcon />}
            label={t('more.full_screen')}
            onActivate={() => void toggleFullScreen()}
          />
        )}
        {supportsPictureInPicture() && (
          <Item
            icon={<PictureIcon />}
            label={t('more.picture_in_picture')}
            onActivate={() => void openPictureInPicture(view)}
          />
        )}
        <Item
          icon={<SettingsIcon />}
          label={t('more.settings')}
          onActivate={() => (view.dialog.value = 'settings')}
        />
        <Item
          icon={<SignalIcon bars={3} />}
          label={t('more.connection')}
          onActivate={() => (view.panel.value = 'connection')}
        />
        <Item
          icon={<KeyboardIcon />}
          label={t('more.shortcuts')}
          onActivate={() => (view.dialog.value = 'help')}
        />
      </div>
    </>
  );
}

interface ItemProps {
  icon: VNode;
  label: string;
  onActivate: () => void;
  disabled?: boolean;
  'data-small-only'?: boolean;
}

/** A menu item: closes the menu and runs its action. */
function Item({ icon, label, onActivate, ...rest }: ItemProps) {
  return (
    <button
      type="button"
      popovertarget="more"
      popovertargetaction="hide"
      onClick={onActivate}
      {...rest}
    >
      {icon}
      <span>{label}</span>
    </button>
  );
}
