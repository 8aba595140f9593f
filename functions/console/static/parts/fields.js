/** Controls of forms: each edits one member of an entry, and shows what the API finds wrong there. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { Field, wrongAt } from "./notice.js";
import { short } from "./text.js";

/**
 * What a form has of the editor, for one member at a time: `of("email", "E-mail")` is what the controls below take.
 * @param {{value: object, edit: (value: object) => void, problem: Error | null, writable: boolean}} form
 */
export const members = ({ value, edit, problem, writable }) => (path, label, hint) => ({
  path, label, hint, problem, writable, value: value[path],
  set: (to) => {
    const { [path]: _was, ...rest } = value;
    edit(to === undefined ? rest : { ...value, [path]: to });
  },
});

/** `list` with `entry` in the place of the one at `position`; without it where there is none. */
export const replaced = (list, position, entry) => list.flatMap((each, at) => (at !== position ? [each] : entry === undefined ? [] : [entry]));

/** A line of text; empty, the member is not given. `more` are attributes of the input. */
export const Text = ({ path, label, hint, problem, writable, value, set, ...more }) => html`<${Field} label=${label} hint=${hint} path=${path} problem=${problem}>
  <input autocomplete="off" readonly=${!writable} value=${value ?? ""} onInput=${(event) => set(event.target.value || undefined)} ...${more} /></${Field}>`;

export const Long = ({ path, label, hint, problem, writable, value, set, rows = 6 }) => html`<${Field} label=${label} hint=${hint} path=${path} problem=${problem}>
  <textarea rows=${rows} spellcheck="false" readonly=${!writable} value=${value ?? ""} onInput=${(event) => set(event.target.value || undefined)}></textarea></${Field}>`;

export const Whole = ({ set, ...more }) => html`<${Text} ...${more} type="number" min="1" set=${(text) => set(text === undefined ? undefined : Number(text))} />`;

export const Tick = ({ label, hint, writable, value, set }) => html`<label class="check"><input type="checkbox" disabled=${!writable} checked=${Boolean(value)} onChange=${(event) => set(event.target.checked)} />
  <span>${label}${hint && html` <span class="small muted">${hint}</span>`}</span></label>`;

/** One of `options`, {value: label}. */
export const Choice = ({ path, label, hint, problem, writable, value, set, options }) => html`<${Field} label=${label} hint=${hint} path=${path} problem=${problem}>
  <select aria-label=${label} disabled=${!writable} value=${value ?? ""} onChange=${(event) => set(event.target.value || undefined)}>
    ${Object.entries(options).map(([each, said]) => html`<option value=${each}>${said}</option>`)}</select></${Field}>`;

/** Names that a field may have, for its `list`. */
export const Known = ({ id, names }) => html`<datalist id=${id}>${names.map((each) => html`<option value=${each} />`)}</datalist>`;

const Wrong = ({ problem, path }) => wrongAt(problem, path).map((each) => html`<span class="wrong small" role="alert">${each.path.slice(path.length).replace(/^\./, "")} ${each.message}</span>`);

/** A group of controls: its label, hint, and what is wrong at its path. */
export const Group = ({ label, hint, path, problem, children }) => html`<div role="group" aria-label=${label} class="field"><span class="label">${label}</span>
  ${hint && html`<span class="small muted">${hint}</span>`}${children}${path && html`<${Wrong} problem=${problem} path=${path} />`}</div>`;

const Without = ({ what, writable, act }) => writable && html`<button type="button" class="tiny" aria-label=${`Take ${what} out`} onClick=${act}>×</button>`;

/** A list of texts, a line each. `one` is what one of them is called; `list` is the id of a Known. */
export function Names({ path, label, hint, problem, writable, value, set, one, list }) {
  const names = value || [];
  return html`<${Group} label=${label} hint=${hint} path=${path} problem=${problem}>
    <ul class="plain">${names.map((each, at) => html`<li key=${at} class="inline"><input aria-label=${`${one} ${at + 1}`} list=${list} autocomplete="off" readonly=${!writable} value=${each}
      onInput=${(event) => set(replaced(names, at, event.target.value))} /><${Without} what=${`${one} ${at + 1}`} writable=${writable} act=${() => set(replaced(names, at, undefined))} /></li>`)}</ul>
    ${writable && html`<div><button type="button" class="tiny" onClick=${() => set([...names, ""])}>Add: ${one}</button></div>`}</${Group}>`;
}

/** Names with a text each, as {name: text}. */
export function Pairs({ path, label, hint, problem, writable, value, set, one }) {
  const [pairs, setPairs] = useState(Object.entries(value || {}));
  const said = (list) => Object.fromEntries(list.filter(([name]) => name));
  // A name that is not written yet is in no object: the pairs are this form's own, until the entry is another one.
  useEffect(() => { if (JSON.stringify(said(pairs)) !== JSON.stringify(value || {})) setPairs(Object.entries(value || {})); }, [value]);
  const put = (list) => { setPairs(list); set(list.length ? said(list) : undefined); };
  return html`<${Group} label=${label} hint=${hint} path=${path} problem=${problem}>
    <ul class="plain">${pairs.map(([name, text], at) => html`<li key=${at} class="inline">
      <input aria-label=${`${one} ${at + 1}`} autocomplete="off" readonly=${!writable} value=${name} onInput=${(event) => put(replaced(pairs, at, [event.target.value, text]))} />
      <input aria-label=${`${one} ${at + 1} is`} autocomplete="off" readonly=${!writable} value=${text} onInput=${(event) => put(replaced(pairs, at, [name, event.target.value]))} />
      <${Without} what=${`${one} ${at + 1}`} writable=${writable} act=${() => put(replaced(pairs, at, undefined))} /></li>`)}</ul>
    ${writable && html`<div><button type="button" class="tiny" onClick=${() => put([...pairs, ["", ""]])}>Add: ${one}</button></div>`}</${Group}>`;
}

export const SCOPES = ["events:write", "events:read", "events:erase", "config:read", "config:write", "notifications"];

/** Some of all scopes. */
export const Scopes = ({ path, label = "Scopes", problem, writable, value, set }) => html`<${Group} label=${label} path=${path} problem=${problem}>
  <div class="inline">${SCOPES.map((each) => html`<${Tick} label=${each} writable=${writable} value=${(value || []).includes(each)}
    set=${(on) => set(SCOPES.filter((scope) => (scope === each ? on : (value || []).includes(scope))))} />`)}</div></${Group}>`;

/** JSON that is kept as it is typed, and handed on as soon as it is some. `whole` is what it would be in. */
export function AsJson({ path, label, hint, problem, writable, value, set, whole }) {
  const [text, setText] = useState(JSON.stringify(value, null, 2));
  const [invalid, setInvalid] = useState("");
  useEffect(() => {
    try { if (JSON.stringify(JSON.parse(text)) === JSON.stringify(value)) return; } catch { return; }
    setText(JSON.stringify(value, null, 2));
  }, [value]);
  const typed = (written) => {
    setText(written);
    try { set(JSON.parse(written)); setInvalid(""); } catch (error) { setInvalid(error.message); }
  };
  return html`<${Field} label=${label} hint=${hint} path=${path} problem=${problem}>
      <textarea rows=${Math.min(24, text.split("\n").length + 2)} spellcheck="false" readonly=${!writable} value=${text} aria-invalid=${Boolean(invalid)} onInput=${(event) => typed(event.target.value)}></textarea></${Field}>
    ${invalid && html`<p class="wrong small" role="alert">This is no JSON yet, so it is not in the ${whole}: ${short(invalid, 200)}</p>`}`;
}
