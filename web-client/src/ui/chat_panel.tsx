/** The chat, and what is said with a hand or an emoji. All of it is text: nothing becomes HTML. */

import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Call } from '../call/call';
import type { Line } from '../call/chat';
import { linkify } from './linkify';
import css from './chat.module.css';

const EMOJI = ['👍', '❤️', '😂', '🎉', '😮', '👏'] as const;

export function ChatPanel({ call, onClose }: { call: Call; onClose: () => void }) {
  const { lines } = call.chat.value;
  const end = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => end.current?.scrollIntoView({ block: 'end' }), [lines.length]);
  useEffect(() => input.current?.focus(), []);
  return (
    <aside class={css.panel} aria-label="Chat">
      <header class={css.head}>
        <h2>Chat</h2>
        <button type="button" class={css.button} onClick={onClose}>
          Close
        </button>
      </header>
      <div class={css.lines} role="log" aria-label="Messages">
        {lines.length === 0 && (
          <p class={css.quiet}>
            What is written here is encrypted end to end and gone when you leave.
          </p>
        )}
        {lines.map((line) => (
          <ChatLine key={line.key} line={line} />
        ))}
        <div ref={end} />
      </div>
      <Reactions call={call} />
      <Composer call={call} input={input} onClose={onClose} />
    </aside>
  );
}

function ChatLine({ line }: { line: Line }) {
  const time = new Date(line.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return (
    <p class={css.line} data-state={line.state} data-own={line.own}>
      <span class={css.who}>
        {line.own ? 'You' : line.name}, {time}
        {line.state === 'sending' && ', sending…'}
        {line.state === 'failed' && ', not sent'}
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
    <div class={css.reactions} role="toolbar" aria-label="React">
      {EMOJI.map((emoji) => (
        <button
          key={emoji}
          type="button"
          aria-label={`React with ${emoji}`}
          onClick={() => call.say({ kind: 'reaction', emoji })}
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
  onClose: () => void;
}

function Composer({ call, input, onClose }: ComposerProps) {
  const [text, setText] = useState('');
  function send(): void {
    if (text.trim() === '') return;
    call.say({ kind: 'chat', text });
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
        <span>Message to everybody</span>
        <textarea
          ref={input}
          rows={2}
          maxLength={4000}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') onClose();
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
      </label>
      <button type="submit" class={css.button} disabled={text.trim() === ''}>
        Send
      </button>
    </form>
  );
}

/** Reactions of the last seconds, above the tiles. */
export function ReactionStrip({ call }: { call: Call }) {
  return (
    <div class={css.strip} aria-live="polite">
      {call.chat.value.reactions.map((one) => (
        <span key={one.key}>
          {one.emoji} {one.name}
        </span>
      ))}
    </div>
  );
}
