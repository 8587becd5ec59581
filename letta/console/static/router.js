// Where in the console one is: the part of the address behind the #.
import { signal } from "./view.js";

export const route = signal(read());

function read() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query ?? "") };
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
