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
declare module "*.json?people" {
  const messages: Record<string, string>;
  export default messages;
}
declare module "*.json?phone" {
  const messages: Record<string, string>;
  export default messages;
}
declare module "*.json?errands" {
  const messages: Record<string, string>;
  export default messages;
}
declare module "*.json?missions" {
  const messages: Record<string, string>;
  export default messages;
}
declare module "*.json?deciding" {
  const messages: Record<string, string>;
  export default messages;
}
declare module "*.json?rest" {
  const messages: Record<string, string>;
  export default messages;
}

/** Not every browser has them, and TypeScript knows of none. */
interface Window {
  trustedTypes?: {
    createPolicy(
      name: string,
      rules: { createScriptURL: (text: string) => string },
    ): {
      createScriptURL(text: string): unknown;
    };
  };
}
