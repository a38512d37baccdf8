/** The code that only a call needs, loaded as one chunk. */

export { Call } from '../call/call';
export { CallScreen } from './call/call_screen';
