/** Chooses the screen: start page, pre-join, call, its end, or self test. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Call } from '../call/call';
import { Devices } from '../devices/devices';
import { missingSupport } from '../devices/support';
import { applyEffectSettings } from '../effects/effects';
import { t, text } from '../i18n/i18n';
import { type MeetingLink, type ParsedLink, parseLink } from '../link';
import { Ended } from './ended';
import { Landing } from './landing';
import { Lazy, useLazy } from './lazy';
import { type Entry, PreJoin } from './prejoin';
import { Notice, StartPageLink } from './notice';
import { OpenLink } from './open_link';

const callBundle = new Lazy(() => import('./call_bundle'));
const selfTestPage = new Lazy(() => import('./self_test/self_test_page'));

export function App() {
  const [link, setLink] = useState<ParsedLink>(() => parseLink(location));
  const [passphrase, setPassphrase] = useState<string>();
  useEffect(() => {
    const follow = (): void => setLink(parseLink(location));
    addEventListener('popstate', follow);
    addEventListener('hashchange', follow);
    return () => {
      removeEventListener('popstate', follow);
      removeEventListener('hashchange', follow);
    };
  }, []);

  if (link.kind === 'self_test') return <SelfTest />;
  const missing = missingSupport();
  if (missing !== undefined)
    return <Notice title={text(missing.title)} text={text(missing.text)} />;
  switch (link.kind) {
    case 'none':
      return (
        <Landing
          onMeeting={(chosen) => {
            setPassphrase(chosen);
            setLink(parseLink(location));
          }}
        />
      );
    case 'broken':
      return (
        <Notice title={t('link.title')} text={text(link.why)}>
          <OpenLink label={t('link.paste')} onMeeting={() => setLink(parseLink(location))} />
          <StartPageLink />
        </Notice>
      );
    case 'meeting':
      return (
        <Meeting
          key={link.link.room + link.link.fragment}
          link={link.link}
          passphrase={passphrase}
        />
      );
  }
}

function SelfTest() {
  const { part, failed } = useLazy(selfTestPage);
  if (failed)
    return <Notice title={t('support.load_failed_title')} text={t('refusal.unreachable')} />;
  return part === undefined ? null : <part.SelfTestPage />;
}

interface MeetingProps {
  link: MeetingLink;
  /** The passphrase, if the link was made in this window. */
  passphrase: string | undefined;
}

function Meeting(meeting: MeetingProps) {
  const [visit, setVisit] = useState(0);
  return <Visit key={visit} {...meeting} onAgain={() => setVisit(visit + 1)} />;
}

/** One visit to a meeting: pre-join screen, call and end. */
function Visit({ link, passphrase, onAgain }: MeetingProps & { onAgain: () => void }) {
  const devices = useMemo(() => new Devices(), []);
  const [call, setCall] = useState<Call>();
  const [entry, setEntry] = useState<Entry>();
  // Loads while the pre-join screen is shown.
  const { part, failed } = useLazy(callBundle);
  useEffect(() => {
    const unfollow = applyEffectSettings(devices);
    void devices.start();
    return () => {
      unfollow();
      devices.stop();
    };
  }, [devices]);
  useEffect(() => {
    const leave = (): void => call?.handlePageHide();
    addEventListener('pagehide', leave);
    return () => removeEventListener('pagehide', leave);
  }, [call]);
  useEffect(() => {
    if (part !== undefined && entry !== undefined) setCall(new part.Call(link, entry, devices));
  }, [part, entry, link, devices]);

  if (failed)
    return <Notice title={t('support.load_failed_title')} text={t('refusal.unreachable')} />;
  if (call === undefined || part === undefined) {
    return <PreJoin link={link} passphrase={passphrase} devices={devices} onJoin={setEntry} />;
  }
  const state = call.state.value;
  if (state.kind === 'ended') {
    return <Ended why={state.why} since={call.startedAt} onAgain={onAgain} />;
  }
  return <part.CallScreen call={call} />;
}
