/** How many digits of a currency stand after the point. */
export function placesOf(currency: string): number {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

/** The smallest units that somebody typed as “46.80” or “46,80”; nothing where it is no such amount. */
export function minorOf(typed: string, currency: string): number | undefined {
  const [, whole, part = ""] = /^\s*(\d{1,12})(?:[.,](\d+))?\s*$/.exec(typed) ?? [];
  const places = placesOf(currency);
  if (whole === undefined || part.length > places) return undefined;
  return Number(whole + part.padEnd(places, "0"));
}
