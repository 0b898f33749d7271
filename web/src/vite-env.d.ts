/// <reference types="vite/client" />
declare module "*.json?first" {
  const messages: Record<string, string>;
  export default messages;
}
declare module "*.json?today" {
  const messages: Record<string, string>;
  export default messages;
}
declare module "*.json?settings" {
  const messages: Record<string, string>;
  export default messages;
}
declare module "*.json?rest" {
  const messages: Record<string, string>;
  export default messages;
}
