/** Error messages for the codes that the server and the encryption report. */

import { type Sentence, sentence } from '../i18n/i18n';
import type { Refusal } from '../signaling/protocol.gen';
import { RefusedError } from '../signaling/http';

/** The longest retry delay that is worth showing, in seconds. */
const MAX_SHOWN_DELAY = 120;

/** Returns the message for a refusal of the server. */
export function refusalSentence({ code, retry_after_seconds: seconds }: Refusal): Sentence {
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
      // A busy server recovers within minutes; a full store does not.
      if (seconds === null || seconds > MAX_SHOWN_DELAY) return sentence('refusal.server_full');
      return sentence('refusal.server_busy', { seconds });
    case 'too_fast':
      return sentence('refusal.too_fast', { seconds: seconds ?? 10 });
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

/** Returns the message for a failed request. */
export function failureSentence(error: unknown): Sentence {
  return error instanceof RefusedError
    ? refusalSentence(error.refusal)
    : sentence('refusal.unreachable');
}

/** Returns the message for a problem that the encryption reports. */
export function encryptionProblemSentence(code: string): Sentence {
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

/** Returns whether the encryption recovers from a refusal by itself, so that the person need not be
 * told. */
export function isHandledByEncryption({ code }: Refusal): boolean {
  return code === 'stale_handshake' || code === 'stale_message' || code === 'handshake_undecided';
}
