/** Compiles ICU messages to functions and their arguments to types, at build time. */

import { readFileSync } from 'node:fs';
import MessageFormat from '@messageformat/core';
import compileModule from '@messageformat/core/lib/compile-module.js';
import { parse, type Token } from '@messageformat/parser';
import type { Plugin } from 'vite';

export const LANGUAGES = ['en', 'de', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

const PREFIX = 'virtual:messages/';

/** Reads the message catalogue of a language. */
export function catalogue(language: string): Record<string, string> {
  return JSON.parse(readFileSync(file(language), 'utf8')) as Record<string, string>;
}

/** Serves `virtual:messages/<language>`: a module with one function for each message. */
export function compiledMessages(): Plugin {
  return {
    name: 'compiled-messages',
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : undefined),
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return undefined;
      const language = id.slice(PREFIX.length + 1);
      this.addWatchFile(file(language).pathname);
      return compileModule(new MessageFormat(language), catalogue(language));
    },
  };
}

/** Returns the source of a TypeScript module with the argument types of each message. */
export function argumentTypes(messages: Record<string, string>): string {
  const lines = Object.entries(messages).map(([key, text]) => {
    const values = [...argumentsOf(text)].map(([name, type]) => `${name}: ${type}`);
    return `  '${key}': { ${values.join('; ')} };`.replace('{  }', 'Record<never, never>');
  });
  return [
    '// Generated from messages/en.json; not edited by hand.',
    '// To bring it up to date: UPDATE_GENERATED=1 npx vitest run src/i18n',
    '',
    'export interface Messages {',
    ...lines,
    '}',
    '',
  ].join('\n');
}

/** Returns the names and types of a message's arguments. */
export function argumentsOf(text: string): Map<string, 'number' | 'string'> {
  const found = new Map<string, 'number' | 'string'>();
  const visit = (tokens: readonly Token[]): void => {
    for (const token of tokens) {
      if (token.type === 'content' || token.type === 'octothorpe') continue;
      found.set(token.arg, token.type === 'plural' ? 'number' : 'string');
      if ('cases' in token) for (const one of token.cases) visit(one.tokens);
    }
  };
  visit(parse(text));
  return found;
}

function file(language: string): URL {
  return new URL(`messages/${language}.json`, import.meta.url);
}
