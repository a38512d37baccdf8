declare module 'virtual:messages/*' {
  const messages: import('./i18n').Compiled;
  export default messages;
}
