/** Tocsin's API, which is where this page is from. */
import { credential } from "./session.js";

/** The API's address: the page is `console` below it. */
const BASE = new URL(".", location.href.split(/[?#]/)[0]).href;

/** What the API refused: a problem of RFC 9457. */
export class Problem extends Error {
  /** @param {number} status 0 where there was no answer. @param {object} members */
  constructor(status, members) {
    super(members.detail || members.message || members.title || `The API answered with status ${status}.`);
    this.status = status;
    /** @type {{path: string, message: string}[]} */
    this.errors = members.errors || [];
    this.retryAfter = members.retry_after;
  }
}

/** The address of a path with those of `query` that have a value. */
export function address(path, query = {}) {
  const url = new URL(path.replace(/^\//, ""), BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  return url.href;
}

/** What no path can hold: API Gateway ends a path at `?`, and the others are other paths. */
const OTHER_PATH = /\?|\/(members|preferences)(\/|$)|\/$|^\.{1,2}$/;
/**
 * `text` as one part of a path. What no path can hold is encoded once more: the API refuses the name that arrives, where
 * it would change another entry otherwise.
 */
export const part = (text) => (OTHER_PATH.test(text) ? encodeURIComponent(encodeURIComponent(text).replace(/\./g, "%2E")) : encodeURIComponent(text));

/**
 * Ask the API.
 * @param {string} method
 * @param {string} path
 * @param {{query?: object, body?: unknown, text?: string, type?: string, accept?: string, etag?: string, fresh?: boolean, signal?: AbortSignal}} [more]
 *   `body` is sent as JSON, `text` as it is, of the `type`; `etag` is sent as If-Match; what is `fresh` replaces nothing.
 * @returns {Promise<{data: any, etag: string | null, status: number}>}
 * @throws {Problem}
 */
export async function ask(method, path, more = {}) {
  const headers = { authorization: `Bearer ${credential.value}` };
  if (more.accept) headers.accept = more.accept;
  if (more.etag) headers["if-match"] = more.etag;
  if (more.fresh) headers["if-none-match"] = "*";
  let body = more.text;
  if (more.body !== undefined) body = JSON.stringify(more.body);
  if (body !== undefined) headers["content-type"] = more.type || "application/json";
  underWay(1);
  try {
    return await answered(method, path, headers, body, more);
  } finally {
    underWay(-1);
  }
}

let requests = 0;
/** Count requests; while there are any, the document says so (`data-busy`). */
function underWay(more) {
  requests += more;
  document.documentElement.toggleAttribute("data-busy", requests > 0);
}

async function answered(method, path, headers, body, more) {
  let response;
  try {
    response = await fetch(address(path, more.query), { method, headers, body, signal: more.signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "The API can't be reached." });
  }
  const type = response.headers.get("content-type") || "";
  const data = type.includes("json") ? await response.json() : await response.text();
  if (more.fresh && response.status === 412) throw new Problem(412, { detail: "There is one of this name already." });
  if (!response.ok) throw new Problem(response.status, typeof data === "object" && data ? data : {});
  return { data, etag: response.headers.get("etag"), status: response.status };
}

export const get = async (path, query, signal) => (await ask("GET", path, { query, signal })).data;

/** Every item of a list that is short, as configuration is: page after page. */
export async function all(path, query = {}) {
  const items = [];
  let cursor;
  do {
    const page = await get(path, { ...query, limit: 1000, cursor });
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor);
  return items;
}
