/** What the pages of configuration have in common: a loaded list, and an editor of one entry as JSON. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { all, ask, part } from "../api.js";
import { go, link, route } from "../router.js";
import { may } from "../session.js";
import { Notice } from "./notice.js";
import { short } from "./text.js";

/** Load something when the page opens and when `again` is called. `load` is called anew where `key` changes. */
export function useLoaded(load, key = "") {
  const [state, setState] = useState({ value: null, problem: null, turn: 0 });
  useEffect(() => {
    let here = true;
    load().then((value) => here && setState((before) => ({ ...before, value, problem: null })),
      (problem) => here && setState((before) => ({ ...before, problem })));
    return () => { here = false; };
  }, [key, state.turn]);
  return { ...state, again: () => setState((before) => ({ ...before, turn: before.turn + 1 })) };
}

/** Every entry of a kind of configuration. */
export const useAll = (kind) => useLoaded(() => all(kind));

/**
 * A table of entries, each of which leads to its editor.
 * @param {{kind: string, items: object[] | null, columns: [string, (item: object) => unknown][], name?: (item: object) => string, empty: string}} properties
 */
export function EntryTable({ kind, items, columns, name = (item) => item.name, empty }) {
  if (!items) return html`<p role="status" class="muted">Loading…</p>`;
  if (!items.length) return html`<p class="empty">${empty}</p>`;
  return html`<table class="stack"><thead><tr><th scope="col">Name</th>${columns.map(([title]) => html`<th scope="col">${title}</th>`)}</tr></thead>
    <tbody>${items.map((item) => html`<tr key=${name(item)}><td><a href=${link(kind, name(item))}>${short(name(item), 120)}</a></td>
      ${columns.map(([title, show]) => html`<td data-label=${title}>${show(item)}</td>`)}</tr>`)}</tbody></table>`;
}

/** Text of JSON, and the place where it is not JSON. */
export function parsed(text) {
  try { return { value: JSON.parse(text) }; } catch (error) { return { problem: Object.assign(error, { errors: [] }) }; }
}

/** Of an entry, what a PUT takes: not its name, nor what is empty. */
const sendable = (entry, left) => Object.fromEntries(Object.entries(entry).filter(([name, value]) => !left.includes(name) && value !== null));

/**
 * One entry as JSON. The API judges it; each error stands where it is. `route.name` is the entry's name, or "new".
 * @param {{kind: string, one: string, blank: object, left?: string[], starts?: {title: string, entry: object}[], children?: (entry: object, again: () => void) => unknown}} properties
 *   `left` are members that the API shows and does not take; `starts` are what a new one may begin as instead of `blank`;
 *   `children` stands below the editor of one that exists.
 */
export function EntryEditor({ kind, one, blank, left = ["name"], starts = [], children }) {
  const { name } = route.value;
  const fresh = name === "new";
  const loaded = useLoaded(async () => (fresh ? { data: blank, etag: null } : ask("GET", `${kind}/${part(name)}`)), name);
  const [called, setCalled] = useState("");
  const [text, setText] = useState(null);
  const [said, setSaid] = useState({});
  useEffect(() => {
    if (loaded.value) setText(JSON.stringify(sendable(loaded.value.data, left), null, 2));
  }, [loaded.value]);
  const writable = may("config:write");
  const save = async (event) => {
    event.preventDefault();
    const { value, problem } = parsed(text);
    if (problem) { setSaid({ problem }); return; }
    try {
      await ask("PUT", `${kind}/${part(fresh ? called : name)}`, { body: value, etag: loaded.value.etag });
      setSaid({ done: "Saved." });
      if (fresh) go(kind, called); else loaded.again();
    } catch (problem) { setSaid({ problem }); }
  };
  const remove = async () => {
    if (!confirm(`Delete ${name}?`)) return;
    try {
      await ask("DELETE", `${kind}/${part(name)}`, { etag: loaded.value.etag });
      go(kind);
    } catch (problem) { setSaid({ problem }); }
  };
  return html`<div class="head"><h1>${fresh ? `New ${one}` : short(name, 120)}</h1><a href=${link(kind)}>All ${kind}</a></div>
    <${Notice} problem=${loaded.problem || said.problem}>${said.done}</${Notice}>
    ${text !== null && html`<form class="card" onSubmit=${save}>
      ${fresh && html`<label class="field"><span class="label">Name</span><input required value=${called} onInput=${(event) => setCalled(event.target.value)} /></label>`}
      ${fresh && starts.length > 0 && html`<label class="field"><span class="label">For</span>
        <select aria-label="Service" onChange=${(event) => setText(JSON.stringify(starts[event.target.value]?.entry ?? blank, null, 2))}>
          <option value="">any other</option>${starts.map(({ title }, place) => html`<option value=${place}>${title}</option>`)}</select></label>`}
      <label class="field"><span class="label">${one[0].toUpperCase() + one.slice(1)} as JSON</span>
        <textarea rows=${Math.min(28, text.split("\n").length + 2)} spellcheck="false" readonly=${!writable} value=${text}
          aria-invalid=${Boolean(said.problem)} onInput=${(event) => setText(event.target.value)}></textarea></label>
      ${writable && html`<div class="inline"><button class="primary">Save</button>
        ${!fresh && html`<button type="button" class="danger" onClick=${remove}>Delete</button>`}</div>`}
    </form>`}
    ${!fresh && loaded.value && children && children(loaded.value.data, loaded.again)}`;
}

export const NewButton = ({ kind, one }) => may("config:write") && html`<a class="button" href=${link(kind, "new")}>New ${one}</a>`;
