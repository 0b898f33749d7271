/** What the server told with the page. A page that Vite serves to somebody who works on it was told nothing. */
export interface Begins {
  version: string;
  desks: string[];
  /** Whether any of what stands behind it is the real one. */
  live: boolean;
}

export function readBegins(): Begins {
  const told = document.getElementById("begins")?.textContent;
  return told ? (JSON.parse(told) as Begins) : { version: "", desks: [], live: false };
}
