/// <reference types="vite/client" />
declare module "@words/de.json" {
  const messages: Record<string, string>;
  export default messages;
}
