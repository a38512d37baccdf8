/** Rates the quality of connections as good, fair or poor. */

import { CONTEXTS } from '../e2ee/messages';
import type { SlotLabel } from '../call/layout/tiles';
import type { Statistics } from './statistics';

export type Quality = 'good' | 'fair' | 'poor';

/** Packet loss, 0…1, from which audio and video suffer, and from which they are hard to follow. */
const FAIR_LOSS = 0.03;
const POOR_LOSS = 0.1;
/** Round-trip times in ms from which people start to interrupt each other. */
const FAIR_ROUND_TRIP = 300;
const POOR_ROUND_TRIP = 600;

export interface Qualities {
  /** Of every member whose media is received, by leaf. */
  members: ReadonlyMap<number, Quality>;
  /** Of the own connection; `undefined` before the first measurement. */
  own: Quality | undefined;
}

/** Rates the connections of all members and the own one. */
export function connectionQualities(
  { inbound, outbound, roundTripMs }: Statistics,
  labels: ReadonlyMap<string, SlotLabel>,
): Qualities {
  const losses = new Map<number, number>();
  for (const stream of inbound) {
    const label = labels.get(stream.line);
    if (label === undefined || CONTEXTS[label.context] === undefined) continue;
    losses.set(label.leaf, Math.max(losses.get(label.leaf) ?? 0, stream.loss ?? 0));
  }
  const shared = sharedLoss(losses);
  const members = new Map(
    [...losses].map(([leaf, loss]) => [leaf, rateLoss((loss - shared) / (1 - shared))]),
  );
  if (roundTripMs === undefined) return { members, own: undefined };
  let own = worse(rate(roundTripMs, FAIR_ROUND_TRIP, POOR_ROUND_TRIP), rateLoss(shared));
  for (const stream of outbound) own = worse(own, rateLoss(stream.loss ?? 0));
  return { members, own };
}

/** Returns the loss that all members have in common, which happens on the own downlink. With a single
 * member the two cannot be told apart. */
function sharedLoss(losses: ReadonlyMap<number, number>): number {
  return losses.size < 2 ? 0 : Math.min(0.99, ...losses.values());
}

function rateLoss(loss: number): Quality {
  return rate(loss, FAIR_LOSS, POOR_LOSS);
}

function rate(value: number, fair: number, poor: number): Quality {
  if (value >= poor) return 'poor';
  return value >= fair ? 'fair' : 'good';
}

function worse(a: Quality, b: Quality): Quality {
  if (a === 'poor' || b === 'poor') return 'poor';
  return a === 'fair' || b === 'fair' ? 'fair' : 'good';
}
