/** Statistics of the connection and of each media stream. */

import type { Call } from '../../call/call';
import { t } from '../../i18n/i18n';
import { connectionQualities, type Quality } from '../../stats/quality';
import type { StreamStatistics } from '../../stats/statistics';
import css from './panel.module.css';

export function ConnectionPanel({ call }: { call: Call }) {
  const statistics = call.media.statistics.value;
  const downlink = call.media.downlink.value;
  const { inbound, outbound, roundTripMs, transport } = statistics;
  const who = (flow: StreamStatistics): string => {
    const label = call.media.received.labels.value.get(flow.line);
    const member = call.membership.roster.value?.members.find((one) => one.leaf === label?.leaf);
    return member?.name ?? t('connection.unknown');
  };
  const { own } = connectionQualities(statistics, call.media.received.labels.value);
  return (
    // Focusable, so that it can be scrolled with the keyboard.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div class={css.scroll} role="region" aria-label={t('panel.connection')} tabIndex={0}>
      <dl class={css.statistics}>
        <Statistic name={t('connection.quality')} value={qualityWord(own)} />
        <Statistic name={t('connection.round_trip')} value={unit(roundTripMs, 'ms')} />
        <Statistic name={t('connection.transport')} value={transport?.toUpperCase()} />
        <Statistic name={t('connection.sent')} value={rate(sum(outbound))} />
        <Statistic name={t('connection.received')} value={rate(sum(inbound))} />
        <Statistic name={t('connection.downlink')} value={kbps(downlink?.estimate_kbps)} />
        <Statistic name={t('connection.needed')} value={kbps(downlink?.wanted_kbps)} />
        <Statistic
          name={t('connection.decrypted')}
          value={String(call.media.received.decrypted.value)}
        />
        <Statistic
          name={t('connection.not_decrypted')}
          value={String(call.media.received.dropped.value)}
        />
      </dl>
      <Flows title={t('connection.you_send')} flows={outbound} name={() => undefined} />
      <Flows title={t('connection.you_receive')} flows={inbound} name={who} />
    </div>
  );
}

function Statistic({ name, value }: { name: string; value: string | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value ?? '–'}</dd>
    </div>
  );
}

interface FlowsProps {
  title: string;
  flows: readonly StreamStatistics[];
  name: (flow: StreamStatistics) => string | undefined;
}

function Flows({ title, flows, name }: FlowsProps) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <ul class={css.flows}>
        {flows.map((flow) => {
          const kind = flow.kind === 'audio' ? t('connection.audio') : t('connection.video');
          const owner = name(flow);
          return (
            <li key={`${flow.line} ${flow.width}`}>
              <strong>{owner === undefined ? kind : `${owner}, ${kind}`}</strong>
              <span>{facts(flow).join(' · ')}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function facts(flow: StreamStatistics): string[] {
  const { width, height, framesPerSecond, loss, jitterMs, limitedBy } = flow;
  return [
    flow.codec,
    rate(flow.bitsPerSecond),
    width === undefined || height === undefined ? undefined : `${width}×${height}`,
    framesPerSecond === undefined ? undefined : `${Math.round(framesPerSecond)} fps`,
    loss === undefined ? undefined : t('connection.loss', { percent: (loss * 100).toFixed(1) }),
    jitterMs === undefined ? undefined : t('connection.jitter', { ms: String(jitterMs) }),
    limitedBy === undefined ? undefined : t('connection.limited', { by: limitedBy }),
  ].filter((one): one is string => one !== undefined);
}

function qualityWord(quality: Quality | undefined): string | undefined {
  switch (quality) {
    case undefined:
      return undefined;
    case 'good':
      return t('quality.good');
    case 'fair':
      return t('quality.fair');
    case 'poor':
      return t('quality.poor');
  }
}

function rate(bitsPerSecond: number): string {
  return bitsPerSecond >= 1_000_000
    ? `${(bitsPerSecond / 1_000_000).toFixed(1)} Mbit/s`
    : `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

function kbps(value: number | undefined): string | undefined {
  return value === undefined ? undefined : rate(value * 1000);
}

function unit(value: number | undefined, of: string): string | undefined {
  return value === undefined ? undefined : `${value} ${of}`;
}

function sum(flows: readonly StreamStatistics[]): number {
  return flows.reduce((bits, flow) => bits + flow.bitsPerSecond, 0);
}
