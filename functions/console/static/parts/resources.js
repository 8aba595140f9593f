/** What the pages of configuration have in common: what is loaded, and tables of entries. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { all } from "../api.js";
import { NEW, link } from "../router.js";
import { may } from "../session.js";
import { short } from "./text.js";

/** Load something when the page opens and when `again` is called. `load` is called anew where `key` changes. */
export function useLoaded(load, key = "") {
  const [state, setState] = useState({ value: null, problem: null, of: key });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let here = true;
    load().then((value) => here && setState({ value, problem: null, of: key }),
      (problem) => here && setState((before) => ({ value: before.of === key ? before.value : null, problem, of: key })));
    return () => { here = false; };
  }, [key, turn]);
  const { value, problem } = state.of === key ? state : { value: null, problem: null }; // what another key had is not this one's
  return { value, problem, again: () => setTurn((before) => before + 1) };
}

/** Every entry of a kind of configuration. */
export const useAll = (kind) => useLoaded(() => all(kind));

/**
 * A table of entries, each of which leads to its editor.
 * @param {{kind: string, items: object[] | null, problem: Error | null, columns: [string, (item: object) => unknown][], name?: (item: object) => string, empty: string}} properties
 */
export function EntryTable({ kind, items, problem, columns, name = (item) => item.name, empty }) {
  if (!items) return problem ? null : html`<p role="status" class="muted">Loading…</p>`;
  if (!items.length) return html`<p class="empty">${empty}</p>`;
  return html`<table class="stack"><thead><tr><th scope="col">Name</th>${columns.map(([title]) => html`<th scope="col">${title}</th>`)}</tr></thead>
    <tbody>${items.map((item) => html`<tr key=${name(item)}><td><a href=${link(kind, name(item))}>${short(name(item), 120)}</a></td>
      ${columns.map(([title, show]) => html`<td data-label=${title}>${show(item)}</td>`)}</tr>`)}</tbody></table>`;
}

export const NewButton = ({ kind, one }) => may("config:write") && html`<a class="button" href=${link(kind, NEW)}>New ${one}</a>`;
