// The public API, the only thing that the console gets its data from.
import { authorization, key, signOut } from "./session.js";

const NOT_FOUND = /^NOT_FOUND: /;
/** What programs tell errors apart by, and people needn't read. */
const CODE = /^(NOT_FOUND|INVALID_ARGUMENT): /;

export class ApiError extends Error {
  constructor(status, body) {
    super(told(status, body));
    this.status = status;
    this.body = body;
  }

  /** Whether what was asked for isn't there, though others like it may be. */
  get isLost() {
    return this.status === 404 && NOT_FOUND.test(this.body?.detail);
  }

  /** Whether this server doesn't offer the operation, or not to this key. */
  get isUnoffered() {
    return [403, 404, 405, 501].includes(this.status);
  }
}

function told(status, body) {
  const detail = body?.detail ?? body?.error?.message ?? body?.message;
  if (typeof detail === "string") return detail.replace(CODE, "");
  if (detail?.message) return detail.message;
  if (detail) return JSON.stringify(detail);
  return status ? `The server returned status ${status}.` : "The server can't be reached.";
}

function address(path, query = {}) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") asked.append(name, one);
    }
  }
  const text = asked.toString();
  return `/v1${path}${text ? `?${text}` : ""}`;
}

/** The response of a request that went well. */
export async function request(method, path, { query, body, form, abort } = {}) {
  const headers = authorization();
  if (body !== undefined) headers["content-type"] = "application/json";
  const used = key.value;
  let response;
  try {
    response = await fetch(address(path, query), {
      method,
      headers,
      body: form ?? (body === undefined ? undefined : JSON.stringify(body)),
      signal: abort,
      cache: "no-store",
      credentials: "omit",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, null);
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => null);
  // A 401 with an error in it is that of a model's provider, which has refused the server.
  if (response.status === 401 && !answer?.error && used === key.value) signOut(used ? "This password or key is wrong." : "");
  throw new ApiError(response.status, answer);
}

async function json(method, path, options) {
  const response = await request(method, path, options);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** An agent without its tools, blocks and folders, which are most of it: programs other than the official clients get all. */
export const LEAN = { include_relationships: "tags" };

export const get = (path, query, options) => json("GET", path, { query, ...options });
export const post = (path, body, options) => json("POST", path, { body, ...options });
export const put = (path, body, options) => json("PUT", path, { body, ...options });
export const patch = (path, body, options) => json("PATCH", path, { body, ...options });
export const remove = (path, options) => json("DELETE", path, options);

/** The messages of a stream of server-sent events, until it says that it is over. Throws when it ends before. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new ApiError(0, { detail: "The stream was interrupted." });
      const frames = (rest + value).split("\n\n");
      rest = frames.pop();
      for (const frame of frames) {
        const data = frame
          .split("\n")
          .filter((line) => line.startsWith("data:"))
          .map((line) => line.slice(5).trimStart())
          .join("\n");
        if (data === "[DONE]") return;
        if (data) yield JSON.parse(data);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
