const ACCENTS: Record<string, string> = {
  a: "á",
  b: "ƀ",
  c: "ç",
  d: "ð",
  e: "é",
  g: "ğ",
  h: "ĥ",
  i: "í",
  k: "ķ",
  l: "ļ",
  n: "ñ",
  o: "ö",
  r: "ř",
  s: "š",
  t: "ţ",
  u: "ü",
  w: "ŵ",
  y: "ý",
  z: "ž",
  A: "Á",
  B: "Ɓ",
  C: "Ç",
  D: "Ð",
  E: "É",
  I: "Í",
  N: "Ñ",
  O: "Ö",
  R: "Ř",
  S: "Š",
  T: "Ţ",
  U: "Ü",
  W: "Ŵ",
};
const LONGER = 0.4;

/** Every message a third longer, with accents and brackets: what is cut, or was never translated, is seen at once. */
export function pseudo(messages: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(messages).map(([key, message]) => [key, stretch(message)]));
}

function stretch(message: string): string {
  const accented = message
    .split(/(\{\w+\})/)
    .map((part) => (part.startsWith("{") ? part : part.replace(/[a-z]/gi, (one) => ACCENTS[one] ?? one)))
    .join("");
  const padding = "one two three four five six seven eight nine ten".slice(0, Math.ceil(message.length * LONGER));
  return `[${accented} ${padding.trim()}]`;
}
