/** All that only a call needs, fetched together. */

export { Call } from '../call/call';
export { CallScreen } from './call/call_screen';
