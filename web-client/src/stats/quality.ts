/** How good a connection is, in one of three words. */

import { CONTEXTS } from '../e2ee/messages';
import type { Label } from '../call/layout/tiles';
import type { Statistics } from './statistics';

export type Quality = 'good' | 'fair' | 'poor';

/** Shares of lost packets from which a voice or a picture suffers, and is hard to follow. */
const FAIR_LOSS = 0.03;
const POOR_LOSS = 0.1;
/** Round trips, in ms, from which people begin to interrupt each other. */
const FAIR_ROUND_TRIP = 300;
const POOR_ROUND_TRIP = 600;

export interface Qualities {
  /** Of the connection of each member of whom something comes, by leaf. */
  members: ReadonlyMap<number, Quality>;
  /** Of the own one; unknown before anything is measured. */
  own: Quality | undefined;
}

/** The quality of everybody's connection. */
export function qualities(
  { inbound, outbound, roundTripMs }: Statistics,
  labels: ReadonlyMap<string, Label>,
): Qualities {
  const losses = new Map<number, number>();
  for (const flow of inbound) {
    const label = labels.get(flow.line);
    if (label === undefined || CONTEXTS[label.context] === undefined) continue;
    losses.set(label.leaf, Math.max(losses.get(label.leaf) ?? 0, flow.loss ?? 0));
  }
  const shared = sharedLoss(losses);
  const members = new Map(
    [...losses].map(([leaf, loss]) => [leaf, ofLoss((loss - shared) / (1 - shared))]),
  );
  if (roundTripMs === undefined) return { members, own: undefined };
  let own = worse(grow(roundTripMs, FAIR_ROUND_TRIP, POOR_ROUND_TRIP), ofLoss(shared));
  for (const flow of outbound) own = worse(own, ofLoss(flow.loss ?? 0));
  return { members, own };
}

/** What is lost of everybody alike is lost on the last part of the way, which is the own one. Of a
 * single member nobody can tell. */
function sharedLoss(losses: ReadonlyMap<number, number>): number {
  return losses.size < 2 ? 0 : Math.min(0.99, ...losses.values());
}

function ofLoss(loss: number): Quality {
  return grow(loss, FAIR_LOSS, POOR_LOSS);
}

function grow(value: number, fair: number, poor: number): Quality {
  if (value >= poor) return 'poor';
  return value >= fair ? 'fair' : 'good';
}

function worse(a: Quality, b: Quality): Quality {
  if (a === 'poor' || b === 'poor') return 'poor';
  return a === 'fair' || b === 'fair' ? 'fair' : 'good';
}
