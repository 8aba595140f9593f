/** An editor of one entry: as a form, and as JSON. The API judges it while it is written. */
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, part } from "../api.js";
import { NEW, change, go, link, route } from "../router.js";
import { may } from "../session.js";
import { placeOf, useCheck } from "./checks.js";
import { Notice } from "./notice.js";
import { Made, made } from "./once.js";
import { useLoaded } from "./resources.js";
import { short } from "./text.js";

/** Of an entry that has no name yet: whether it would be taken does not hang on it. */
const UNNAMED = "unnamed";

/** Text of JSON, and the place where it is not JSON. */
export function parsed(text) {
  try { return { value: JSON.parse(text) }; } catch (error) { return { problem: Object.assign(error, { errors: [] }) }; }
}

/** Of an entry, what a PUT takes: not its name, nor what is empty. */
const sendable = (entry, left) => Object.fromEntries(Object.entries(entry).filter(([name, value]) => !left.includes(name) && value !== null));

const pretty = (value) => JSON.stringify(value, null, 2);

/** What is wrong, each with the line that it is at. */
function Wrong({ text, problem, box }) {
  if (!problem) return null;
  const errors = problem.errors && problem.errors.length ? problem.errors : [{ path: "", message: problem.message }];
  const show = (place) => { box.current.focus(); box.current.setSelectionRange(place.start, place.end); };
  return html`<ul class="wrongs" aria-label="What is wrong">${errors.map((each) => {
    const place = placeOf(text, each.path);
    return html`<li class="wrong">${each.path && html`<button type="button" class="tiny" onClick=${() => show(place)}>line ${place.line}</button> <code>${each.path}</code> `}${each.message}</li>`;
  })}</ul>`;
}

function Source({ label, text, problem, writable, edit }) {
  const box = useRef(null);
  return html`<label class="field"><span class="label">${label}</span>
      <textarea ref=${box} rows=${Math.min(28, text.split("\n").length + 2)} spellcheck="false" readonly=${!writable} value=${text}
        aria-invalid=${Boolean(problem)} onInput=${(event) => edit(event.target.value)}></textarea></label>
    <${Wrong} text=${text} problem=${problem} box=${box} />`;
}

/** Why the API would not take it: at the fields that are wrong, or here where it is none of them. */
const refusal = (problem) => (problem.errors && problem.errors.length ? "The API would refuse this." : problem.message);

/** Whether the API would take what is written. */
function Verdict({ check, invalid, unchanged }) {
  const said = invalid ? "This is no JSON yet." : check.busy ? "Checking…" : check.problem ? refusal(check.problem)
    : unchanged ? "Nothing is changed." : "The API would take this.";
  return html`<span class=${`small ${!check.busy && (check.problem || invalid) ? "wrong" : "muted"}`} role="status" aria-label="Check">${said}</span>`;
}

/**
 * One entry. `route.name` is its name, or NEW.
 * @param {{kind: string, one: string, blank?: object, left?: string[], form: Function, single?: boolean, once?: string, children?: (entry: object, again: () => void, edit: (change: (value: object) => object) => void) => unknown}} properties
 *   `left` are members that the API shows and does not take; `form` is a component of {value, edit, problem, writable};
 *   `single` is for what has no name, as the settings; `once` is a member that a PUT answers this once: a secret;
 *   `children` stands below the editor of an entry that exists.
 */
export function EntryEditor({ kind, one, blank, left = ["name"], form: Form, single = false, once, children }) {
  const { name, query } = route.value;
  const fresh = !single && name === NEW;
  const [called, setCalled] = useState("");
  const path = single ? kind : `${kind}/${part((fresh ? called : name) || UNNAMED)}`;
  const loaded = useLoaded(async () => (fresh ? { data: blank, etag: null } : ask("GET", path)), name);
  const [text, setText] = useState(null);
  const [said, setSaid] = useState({});
  const writable = may("config:write");
  const title = one[0].toUpperCase() + one.slice(1);
  // What was saved, until it is read again: what somebody writes in between is not lost, unless another's change came in.
  const saved = useRef(null);
  useEffect(() => {
    if (!loaded.value) return;
    const before = saved.current && saved.current.etag === loaded.value.etag ? saved.current.text : null;
    saved.current = null;
    const read = pretty(sendable(loaded.value.data, left));
    setText((now) => (before !== null && now !== before ? now : read));
  }, [loaded.value]);
  const { value = null, problem: invalid = null } = text === null ? {} : parsed(text);
  const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
  const check = useCheck(path, writable && isObject ? value : null, loaded.value && loaded.value.etag, fresh);
  const asForm = query.source !== "1" && isObject;
  const problem = invalid || check.problem || said.problem || null;
  const edit = (changed) => { setSaid({}); setText(pretty(typeof changed === "function" ? changed(value) : changed)); };
  const save = async (event) => {
    event.preventDefault();
    if (invalid) return;
    try {
      const { data, etag } = await ask("PUT", path, { body: value, etag: loaded.value.etag, fresh });
      if (once && fresh && data[once]) made.value = { of: `${kind}/${called}`, secret: data[once] };
      setSaid({ done: "Saved." });
      if (fresh) go(kind, called);
      else {
        saved.current = { text, etag };
        loaded.again();
      }
    } catch (refused) { setSaid({ problem: refused }); }
  };
  const remove = async () => {
    if (!confirm(`Delete ${name}?`)) return;
    try {
      await ask("DELETE", path, { etag: loaded.value.etag });
      go(kind);
    } catch (refused) { setSaid({ problem: refused }); }
  };
  return html`<div class="head"><h1>${single ? title : fresh ? `New ${one}` : short(name, 120)}</h1>${!single && html`<a href=${link(kind)}>All ${kind}</a>`}</div>
    <${Notice} problem=${loaded.problem || said.problem}>${said.done}</${Notice}>
    ${once && !fresh && html`<${Made} of=${`${kind}/${name}`}><b>The secret of ${short(name, 120)}</b>, shown this once:</${Made}>`}
    ${text !== null && html`<form class="card" onSubmit=${save} aria-label=${title} novalidate=${asForm}>
      <div class="inline tabs" role="group" aria-label="Edit as">
        <button type="button" class="tiny" aria-pressed=${asForm} disabled=${!isObject} onClick=${() => change({ source: undefined }, { replace: true })}>Form</button>
        <button type="button" class="tiny" aria-pressed=${!asForm} onClick=${() => change({ source: "1" }, { replace: true })}>Source</button></div>
      ${fresh && html`<label class="field"><span class="label">Name</span><input required value=${called} onInput=${(event) => setCalled(event.target.value)} /></label>`}
      ${asForm ? html`<${Form} value=${value} edit=${edit} problem=${problem} writable=${writable} />`
        : html`<${Source} label=${`${title} as JSON`} text=${text} problem=${problem} writable=${writable} edit=${(changed) => { setSaid({}); setText(changed); }} />`}
      ${writable && html`<div class="inline"><button class="primary" disabled=${Boolean(invalid) || (fresh && !called)}>Save</button>
        ${!fresh && !single && html`<button type="button" class="danger" onClick=${remove}>Delete</button>`}
        <${Verdict} check=${check} invalid=${Boolean(invalid) || !isObject} unchanged=${!fresh && check.changes && !check.changes.length} /></div>`}
    </form>`}
    ${!fresh && loaded.value && children && children(loaded.value.data, loaded.again, edit)}`;
}
