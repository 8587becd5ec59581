// Who is asking: the password or key, kept for this tab, or on this device if that was asked for.
import { signal } from "./view.js";

const NAME = "letta.key";

/** Whether the server has refused what there is, and why. */
export const refused = signal(null);
export const key = signal(read());
/** Whether the key is for single agents: what belongs to all is closed to it. */
export const scoped = signal(false);

function read() {
  try {
    return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? "";
  } catch {
    return "";
  }
}

export function signIn(given, keep) {
  key.value = given;
  scoped.value = false;
  refused.value = null;
  try {
    sessionStorage.setItem(NAME, given);
    if (keep) localStorage.setItem(NAME, given);
  } catch {
    // Where nothing may be stored, it lasts as long as the page.
  }
}

export function signOut(reason = "") {
  key.value = "";
  scoped.value = false;
  try {
    sessionStorage.removeItem(NAME);
    localStorage.removeItem(NAME);
  } catch {
    // Nothing was stored.
  }
  refused.value = { reason };
}

/** Headers hold bytes: what isn't ASCII goes as UTF-8. */
export function authorization() {
  if (!key.value) return {};
  const bytes = new TextEncoder().encode(key.value);
  return { authorization: `Bearer ${String.fromCharCode(...bytes)}` };
}
