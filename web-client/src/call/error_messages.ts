/** What the server and the encryption report by code, in words of the catalogue. */

import { type Sentence, sentence } from '../i18n/i18n';
import type { JoinPolicy, Refusal } from '../signaling/protocol.gen';
import { RefusedError } from '../signaling/http';

/** Too much to do just now, and no longer than so. */
const PASSING_SECONDS = 120;

/** Why the server refused something. */
export function refusalSentence({ code, retry_after_seconds: wait }: Refusal): Sentence {
  switch (code) {
    case 'unknown_room':
      return sentence('refusal.unknown_room');
    case 'room_full':
      return sentence('refusal.room_full');
    case 'room_locked':
      return sentence('refusal.room_locked');
    case 'denied':
      return sentence('refusal.denied');
    case 'removed':
      return sentence('refusal.removed');
    case 'server_full':
      // What passes within minutes is worth a time; a store that is full is not.
      if (wait === null || wait > PASSING_SECONDS) return sentence('refusal.server_full');
      return sentence('refusal.server_busy', { seconds: wait });
    case 'too_fast':
      return sentence('refusal.too_fast', { seconds: wait ?? 10 });
    case 'unsupported_version':
      return sentence('refusal.unsupported_version');
    case 'superseded':
      return sentence('refusal.superseded');
    case 'log_full':
      return sentence('refusal.log_full');
    case 'shutting_down':
    case 'storage_unavailable':
      return sentence('refusal.unavailable');
    case 'media_unavailable':
    case 'bad_offer':
      return sentence('refusal.media');
    case 'bad_token':
    case 'resume_expired':
    case 'too_slow':
      return sentence('refusal.lost');
    case 'not_allowed':
      return sentence('refusal.not_allowed');
    case 'bad_message':
    case 'too_large':
    case 'stale_handshake':
    case 'handshake_undecided':
    case 'stale_message':
      return sentence('refusal.other', { code });
  }
}

/** Who may come in. */
export function doorSentence(door: JoinPolicy): Sentence {
  switch (door) {
    case 'open':
      return sentence('join_policy.open');
    case 'lobby':
      return sentence('join_policy.lobby');
    case 'locked':
      return sentence('join_policy.locked');
  }
}

/** Why a request failed. */
export function failureSentence(error: unknown): Sentence {
  return error instanceof RefusedError
    ? refusalSentence(error.refusal)
    : sentence('refusal.unreachable');
}

/** What the encryption complains about. */
export function problemSentence(code: string): Sentence {
  switch (code) {
    case 'other_link':
      return sentence('problem.other_link');
    case 'bad_key_package':
    case 'not_certified':
      return sentence('problem.bad_key_package');
    case 'waiting':
      return sentence('problem.waiting');
    case 'bad_commit':
    case 'bad_welcome':
    case 'bad_log':
      return sentence('problem.inconsistent');
    case 'message_refused':
      return sentence('problem.message_refused');
    default:
      return sentence('problem.other', { code });
  }
}
