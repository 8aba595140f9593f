/** Where one is: `#/events?action=login`. All that a view shows is in it, so that its address can be sent. */
import { computed, signal } from "./vendor/signals.js";

const hash = signal(location.hash);
addEventListener("hashchange", () => { hash.value = location.hash; });

/** {page, name, query}: the first and second part of the path, and the query as an object. */
export const route = computed(() => {
  const [path, search = ""] = (hash.value.replace(/^#\/?/, "") || "").split("?");
  const [page = "", ...name] = path.split("/");
  return { page, name: decoded(name.join("/")), query: Object.fromEntries(new URLSearchParams(search)) };
});

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

/** In place of a name: what is to be made. No name ends with a slash, so that an entry named "new" has its own address. */
export const NEW = "new/";

/** The link to a page, with those of `query` that have a value. */
export function link(page, name = "", query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(given).toString();
  const called = name === NEW ? NEW : encodeURIComponent(name);
  return `#/${page}${called && `/${called}`}${search && `?${search}`}`;
}

export function go(page, name, query) { location.hash = link(page, name, query); }

/** Change parts of this address's query; undefined takes one out. `replace` leaves no entry in the history. */
export function change(parts, { replace = false } = {}) {
  const { page, name, query } = route.value;
  const target = link(page, name, { ...query, ...parts });
  if (!replace) { location.hash = target; return; }
  history.replaceState(null, "", target);
  hash.value = target;
}
