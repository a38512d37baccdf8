/** The chat panel. All of it is rendered as text, never as HTML. */

import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Call } from '../call/call';
import type { ChatLine as Line } from '../call/chat/chat_state';
import { language, t } from '../i18n/i18n';
import { linkify } from './linkify';
import css from './chat.module.css';

const EMOJI = ['👍', '❤️', '😂', '🎉', '😮', '👏'] as const;

export function ChatPanel({ call }: { call: Call }) {
  const { lines } = call.chat.state.value;
  const end = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => end.current?.scrollIntoView({ block: 'end' }), [lines.length]);
  useEffect(() => input.current?.focus(), []);
  return (
    <div class={css.chat}>
      {/* Focusable, so that it can be scrolled with the keyboard. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div class={css.lines} role="log" aria-label={t('chat.messages')} tabIndex={0}>
        {lines.length === 0 && <p class={css.quiet}>{t('chat.empty')}</p>}
        {lines.map((line) => (
          <ChatLine key={line.key} line={line} />
        ))}
        <div ref={end} />
      </div>
      <Reactions call={call} />
      <Composer call={call} input={input} />
    </div>
  );
}

function ChatLine({ line }: { line: Line }) {
  const time = new Date(line.at).toLocaleTimeString(language(), { timeStyle: 'short' });
  return (
    <p class={css.line} data-state={line.state} data-own={line.own}>
      <span class={css.who}>
        {line.own ? t('chat.you') : line.name}, {time}
        {line.state === 'sending' && t('chat.sending')}
        {line.state === 'failed' && t('chat.failed')}
      </span>
      <span class={css.text}>
        {linkify(line.text).map((part) =>
          part.href === undefined ? (
            part.text
          ) : (
            <a key={part.at} href={part.href} target="_blank" rel="noopener noreferrer">
              {part.text}
            </a>
          ),
        )}
      </span>
    </p>
  );
}

function Reactions({ call }: { call: Call }) {
  return (
    <div class={css.reactions} role="toolbar" aria-label={t('chat.react')}>
      {EMOJI.map((emoji) => (
        <button
          key={emoji}
          type="button"
          aria-label={t('chat.react_with', { emoji })}
          onClick={() => call.chat.send({ kind: 'reaction', emoji })}
        >
          {emoji}
        </button>
      ))}
    </div>
  );
}

interface ComposerProps {
  call: Call;
  input: RefObject<HTMLTextAreaElement | null>;
}

function Composer({ call, input }: ComposerProps) {
  const [text, setText] = useState('');
  function send(): void {
    if (text.trim() === '') return;
    call.chat.send({ kind: 'chat', text });
    setText('');
  }
  return (
    <form
      class={css.composer}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label>
        <span>{t('chat.message')}</span>
        <textarea
          ref={input}
          rows={2}
          maxLength={4000}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
      </label>
      <button type="submit" class={css.button} disabled={text.trim() === ''}>
        {t('chat.send')}
      </button>
    </form>
  );
}

/** Recent reactions, above the tiles. */
export function ReactionStrip({ call }: { call: Call }) {
  return (
    <div class={css.strip} aria-live="polite">
      {call.chat.state.value.reactions.map((one) => (
        <span key={one.key}>
          {one.emoji} {one.name}
        </span>
      ))}
    </div>
  );
}
