// Where in the console one is: the part of the address behind the #.
import { signal } from "./view.js";

/** What the view is about, as its title says it; empty where that is the section itself. */
export const subject = signal("");
export const route = signal(read());

/** Whether it can be the name of a view or an id: addresses come from anywhere, and become those of requests. */
export function isPlain(text) {
  return /^[\w-]+$/.test(text);
}

function read() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean);
  return { path: parts.every(isPlain) ? parts : ["?"], query: new URLSearchParams(query ?? "") };
}

addEventListener("hashchange", () => {
  route.value = read();
});

export function to(...path) {
  return `#/${path.map(encodeURIComponent).join("/")}`;
}

export function go(address, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  route.value = read();
}
