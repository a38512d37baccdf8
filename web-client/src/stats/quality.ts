/** How good a connection is, in one of three words. */

import { CONTEXTS } from '../e2ee/messages';
import type { Label } from '../call/tiles';
import type { Flow, Statistics } from './statistics';

export type Quality = 'good' | 'fair' | 'poor';

/** Shares of lost packets from which a voice or a picture suffers, and is hard to follow. */
const FAIR_LOSS = 0.03;
const POOR_LOSS = 0.1;
/** Round trips, in ms, from which people begin to interrupt each other. */
const FAIR_ROUND_TRIP = 300;
const POOR_ROUND_TRIP = 600;

/** The quality of what comes from each member, by leaf. */
export function qualityOf(
  statistics: Statistics,
  labels: ReadonlyMap<string, Label>,
): Map<number, Quality> {
  const found = new Map<number, Quality>();
  for (const flow of statistics.inbound) {
    const label = labels.get(flow.line);
    if (label === undefined || CONTEXTS[label.context] === undefined) continue;
    found.set(label.leaf, worse(found.get(label.leaf), grade(flow)));
  }
  return found;
}

/** The quality of the own connection; unknown before anything is measured. */
export function ownQuality(statistics: Statistics): Quality | undefined {
  const { outbound, roundTripMs } = statistics;
  if (roundTripMs === undefined) return undefined;
  let quality = grow(roundTripMs, FAIR_ROUND_TRIP, POOR_ROUND_TRIP);
  for (const flow of outbound) quality = worse(quality, grade(flow));
  return quality;
}

function grade({ loss }: Flow): Quality {
  return loss === undefined ? 'good' : grow(loss, FAIR_LOSS, POOR_LOSS);
}

function grow(value: number, fair: number, poor: number): Quality {
  if (value >= poor) return 'poor';
  return value >= fair ? 'fair' : 'good';
}

function worse(a: Quality | undefined, b: Quality): Quality {
  if (a === 'poor' || b === 'poor') return 'poor';
  return a === 'fair' || b === 'fair' ? 'fair' : 'good';
}
