/** The own tracks that a call publishes: microphone, camera, shared screen and its audio. */

import type { Devices } from '../../devices/devices';
import { CONTEXTS, type Context } from '../../e2ee/messages';
import type { PeerConnection } from '../../peer_connection/peer_connection';
import type { Track } from '../../signaling/protocol.gen';
import type { ScreenShare } from './screen_share';

export class PublishedTracks {
  constructor(
    readonly devices: Devices,
    readonly screenShare: ScreenShare,
  ) {}

  /** Returns the track of a source; `undefined` while it is off. */
  track(source: Context): MediaStreamTrack | undefined {
    switch (source) {
      case 'microphone':
      case 'camera':
        return this.devices[source].track.value;
      case 'screen':
        return this.screenShare.video;
      case 'screen_audio':
        return this.screenShare.audio;
    }
  }

  /** Returns what to announce to the server. Microphone and camera are announced as muted while they
   * are off, a screen is not announced at all. */
  announcement(connection: PeerConnection): Track[] {
    return CONTEXTS.flatMap((source) => {
      const off = this.track(source) === undefined;
      const shared = source === 'screen' || source === 'screen_audio';
      return shared && off ? [] : (connection.announcement(source, off) ?? []);
    });
  }
}
