/** Which screen is shown: the start page, the lobby, the call, or its end. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import { Call } from '../call/call';
import { Devices } from '../devices/devices';
import { missingSupport } from '../devices/support';
import { type MeetingLink, type ParsedLink, parseLink } from '../link';
import { CallScreen } from './call_screen';
import { Ended } from './ended';
import { Landing } from './landing';
import { Lobby } from './lobby';
import { Notice } from './notice';

export function App() {
  const [link, setLink] = useState<ParsedLink>(() => parseLink(location));
  useEffect(() => {
    const follow = () => setLink(parseLink(location));
    addEventListener('popstate', follow);
    addEventListener('hashchange', follow);
    return () => {
      removeEventListener('popstate', follow);
      removeEventListener('hashchange', follow);
    };
  }, []);

  const missing = missingSupport();
  if (missing !== undefined) return <Notice title="This will not work here" text={missing} />;
  switch (link.kind) {
    case 'none':
      return <Landing onMeeting={() => setLink(parseLink(location))} />;
    case 'broken':
      return <Notice title="This link does not work" text={link.why} />;
    case 'meeting':
      return <Meeting key={link.link.room + link.link.fragment} link={link.link} />;
  }
}

function Meeting({ link }: { link: MeetingLink }) {
  const [visit, setVisit] = useState(0);
  return <Visit key={visit} link={link} onAgain={() => setVisit(visit + 1)} />;
}

/** One visit to a meeting: lobby, call, end. */
function Visit({ link, onAgain }: { link: MeetingLink; onAgain: () => void }) {
  const devices = useMemo(() => new Devices(), []);
  const [call, setCall] = useState<Call>();
  useEffect(() => {
    void devices.start();
    return () => devices.stop();
  }, [devices]);
  useEffect(() => {
    const leave = () => call?.leave();
    addEventListener('pagehide', leave);
    return () => removeEventListener('pagehide', leave);
  }, [call]);

  if (call === undefined) {
    return <Lobby devices={devices} onJoin={(name) => setCall(new Call(link, name, devices))} />;
  }
  const state = call.state.value;
  if (state.kind === 'ended') return <Ended why={state.why} onAgain={onAgain} />;
  return <CallScreen call={call} />;
}
