/** A policy as a form: an event matcher's fields, an EventBridge pattern, or an expression in CEL. */
import { html } from "../html.js";
import { AsJson, Tick } from "./fields.js";
import { Elsewhere, Field } from "./notice.js";

const KINDS = { event_matcher: "Event matcher", pattern: "Pattern", expression: "Expression" };
const MATCHED = { action: "Action", app: "App", model: "Model", client_ip: "Client IP or network", query: "Query" };
const HINTS = { action: "custom_ means every custom action", model: "app.model_name", client_ip: "203.0.113.0/24", query: "A CEL expression over event" };
const BLANK = { event_matcher: { action: "login_failed" }, pattern: { pattern: { action: ["login_failed"] } }, expression: { expression: "event.action == \"login_failed\"" } };

/** @param {{value: object, edit: (value: object) => void, problem: Error | null, writable: boolean}} properties */
export function PolicyForm({ value, edit, problem, writable }) {
  const set = (field, to) => {
    const { [field]: _was, ...rest } = value;
    edit(to === undefined ? rest : { ...value, [field]: to });
  };
  const kind = value.kind in KINDS ? value.kind : "event_matcher";
  const shown = { event_matcher: Object.keys(MATCHED), pattern: ["pattern"], expression: ["expression"] }[kind];
  return html`<${Field} label="Kind" path="kind" problem=${problem}><select disabled=${!writable} value=${kind} onChange=${(event) => edit({ kind: event.target.value, ...BLANK[event.target.value] })}>
      ${Object.entries(KINDS).map(([name, label]) => html`<option value=${name}>${label}</option>`)}</select></${Field}>
    ${kind === "event_matcher" && html`<p class="small muted">Fields that are empty are not looked at; all others must be as they are here.</p>
      <div class="grid2">${Object.entries(MATCHED).map(([name, label]) => html`<${Field} label=${label} hint=${HINTS[name]} path=${name} problem=${problem}>
        <input readonly=${!writable} value=${value[name] ?? ""} onInput=${(event) => set(name, event.target.value || undefined)} /></${Field}>`)}</div>`}
    ${kind === "pattern" && html`<${AsJson} label="Pattern" hint="EventBridge's, over the event as the API shows it: a value matches where one of its list does" path="pattern" whole="policy"
      problem=${problem} writable=${writable} value=${value.pattern} set=${(to) => set("pattern", to)} />`}
    ${kind === "expression" && html`<${Field} label="Expression" hint="CEL over event, user and now; the policy holds where it is true" path="expression" problem=${problem}>
      <textarea rows="6" spellcheck="false" readonly=${!writable} value=${value.expression ?? ""} onInput=${(event) => set("expression", event.target.value)}></textarea></${Field}>`}
    <${Tick} label="Log each run" hint="what it says of each event is in the log and in the event's story" writable=${writable} value=${value.execution_logging} set=${(on) => set("execution_logging", on || undefined)} />
    <${Elsewhere} problem=${problem} shown=${["kind", ...shown]} />`;
}
