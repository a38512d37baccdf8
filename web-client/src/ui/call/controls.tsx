/** The controls that move from the bar into the menu on a small screen. */

import type { VNode } from 'preact';
import type { Call } from '../../call/call';
import { t } from '../../i18n/i18n';
import { HandIcon, InviteIcon, LockIcon, PeopleIcon, ScreenIcon } from '../icons';
import { toggleHand, toggleShare } from './actions';
import type { CallView } from './call_view';

export interface ControlItem {
  id: string;
  icon: VNode;
  label: string;
  onActivate: () => void;
  disabled?: boolean;
  [attribute: `aria-${string}` | `data-${string}`]: unknown;
}

export function controls(call: Call, view: CallView): ControlItem[] {
  const live = call.state.value.kind === 'live';
  const sharing = call.media.screenShare.stream.value !== undefined;
  const raised = call.chat.handRaised.value;
  const members = call.membership.roster.value?.members.length ?? 0;
  return [
    {
      id: 'share',
      icon: <ScreenIcon />,
      label: sharing ? t('bar.stop_sharing') : t('bar.share'),
      onActivate: () => toggleShare(call),
      'data-on': sharing,
      'aria-keyshortcuts': 's',
    },
    {
      id: 'hand',
      icon: <HandIcon />,
      label: raised ? t('bar.lower_hand') : t('bar.raise_hand'),
      onActivate: () => toggleHand(call),
      disabled: !live,
      'data-on': raised,
      'aria-keyshortcuts': 'h',
    },
    {
      id: 'encryption',
      icon: <LockIcon />,
      label: t('bar.encryption'),
      onActivate: () => (view.dialog.value = 'encryption'),
      disabled: !live,
      'data-encryption': call.membership.encryption.value.kind,
    },
    {
      id: 'invite',
      icon: <InviteIcon />,
      label: t('bar.invite'),
      onActivate: () => (view.dialog.value = 'invite'),
    },
    {
      id: 'people',
      icon: <PeopleIcon />,
      label: t('bar.people', { count: String(members) }),
      onActivate: () => view.toggle('people'),
      'aria-expanded': view.panel.value === 'people',
      'aria-keyshortcuts': 'p',
    },
  ];
}
