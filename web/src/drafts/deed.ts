import { asWords, said } from "@/i18n";

/** The deed alone, for a button. */
export function deedOf(operation: string): string {
  return said(`deed.${operation}`) ?? asWords(operation);
}

export function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
