/** By what people are told, when not, and what waits for a digest: of one person's preferences, and of the settings'. */
import { html } from "../html.js";
import { replaced } from "./fields.js";
import { Elsewhere, Field, wrongAt } from "./notice.js";
import { short } from "./text.js";

const SEVERITIES = ["notice", "warning", "alert"];
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const HOUR_MS = 3600 * 1000;
const NIGHT = { starts: "22:00", ends: "07:00" };

const zones = () => ["UTC", ...(Intl.supportedValuesOf ? Intl.supportedValuesOf("timeZone") : [])];

/** `object` without the members that say nothing. */
export const spoken = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

function Span({ span, path, position, problem, set }) {
  const days = span.days || DAYS;
  const toggle = (day, on) => {
    const chosen = DAYS.filter((each) => (each === day ? on : days.includes(each)));
    set(spoken({ ...span, days: chosen.length === DAYS.length ? undefined : chosen }));
  };
  return html`<li class="binding"><div class="inline">
      <${Field} label="From" path=${`${path}.starts`} problem=${problem}><input size="6" value=${span.starts} aria-label=${`Quiet hours ${position + 1} from`} onInput=${(event) => set({ ...span, starts: event.target.value })} /></${Field}>
      <${Field} label="To" path=${`${path}.ends`} problem=${problem}><input size="6" value=${span.ends} aria-label=${`Quiet hours ${position + 1} to`} onInput=${(event) => set({ ...span, ends: event.target.value })} /></${Field}>
      <span role="group" aria-label=${`Days of quiet hours ${position + 1}`} class="inline">${DAYS.map((day) => html`<label class="check"><input type="checkbox" checked=${days.includes(day)} onChange=${(event) => toggle(day, event.target.checked)} /> ${day}</label>`)}</span>
      <button type="button" class="tiny" aria-label=${`Take quiet hours ${position + 1} out`} onClick=${() => set(undefined)}>×</button></div>
    <${Elsewhere} problem=${within(problem, path)} shown=${[`${path}.starts`, `${path}.ends`]} /></li>`;
}

/** The part of a problem that is about a path; null where there is none. */
function within(problem, path) {
  const errors = wrongAt(problem, path);
  return errors.length ? { message: "", errors } : null;
}

/** What each of the `known` transports, {name, mode, send_once}, may tell; `said` is {name: preference}. */
export function Transports({ known, said, set, whom = "me", none = "No transport reaches you: no rule tells you by one." }) {
  if (!known.length) return html`<p class="muted">${none}</p>`;
  return html`<table class="stack"><thead><tr>${["Transport", `Tells ${whom}`, "From severity", "At once"].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
    <tbody>${known.map(({ name, mode, send_once: once }) => {
      const mine = said[name] || {};
      const change = (part) => set({ ...said, [name]: spoken({ ...mine, ...part }) });
      return html`<tr key=${name}><td>${short(name, 80)} <span class="small muted">${mode}</span></td>
        ${once ? html`<td colspan="3" class="small muted">A channel's: it has no preferences.</td>` : html`
        <td data-label=${`Tells ${whom}`}><input type="checkbox" aria-label=${`${name} tells ${whom}`} checked=${mine.enabled !== false} onChange=${(event) => change({ enabled: event.target.checked ? undefined : false })} /></td>
        <td data-label="From severity"><select aria-label=${`${name} from severity`} value=${mine.min_severity || "notice"} onChange=${(event) => change({ min_severity: event.target.value === "notice" ? undefined : event.target.value })}>
          ${SEVERITIES.map((each) => html`<option value=${each}>${each}</option>`)}</select></td>
        <td data-label="At once"><input type="checkbox" aria-label=${`${name} at once`} checked=${Boolean(mine.at_once)} onChange=${(event) => change({ at_once: event.target.checked || undefined })} /></td>`}</tr>`;
    })}</tbody></table>`;
}

/** How long a choice mutes for, in hours. */
const FOR_HOURS = { hour: 1, day: 24, week: 168 };

/** `said`, {name: preference}, with what was chosen of the rule `name`. */
const muting = (said, name, chosen) => {
  const { [name]: _was, ...others } = said;
  if (chosen === "told") return others;
  if (chosen === "muted") return { ...others, [name]: { muted: true } };
  return { ...others, [name]: { muted_until: new Date(Date.now() + FOR_HOURS[chosen] * HOUR_MS).toISOString() } };
};

const stateOf = (mine) => (mine.muted ? "muted" : mine.muted_until && Date.parse(mine.muted_until) > Date.now() ? "until" : "told");

/** Whether the rule, {name, can_be_muted}, tells, and for how long not; `said` is {name: preference}. */
export function Mute({ rule, said, set, whom = "me" }) {
  const mine = said[rule.name] || {};
  const state = stateOf(mine);
  const choose = (chosen) => { if (chosen !== "until") set(muting(said, rule.name, chosen)); };
  if (!rule.can_be_muted) return html`<span class="small muted">can't be muted</span>`;
  return html`<select aria-label=${`Mute ${rule.name}`} value=${state} onChange=${(event) => choose(event.target.value)}>
    <option value="told">tells ${whom}</option>${state === "until" && html`<option value="until">muted until ${short(mine.muted_until, 16)}</option>`}
    <option value="hour">mute for an hour</option><option value="day">mute for a day</option><option value="week">mute for a week</option><option value="muted">muted</option></select>`;
}

/**
 * Time zone, language, quiet hours. `held` is what holds of what is left open; `at` is where in the entry this stands.
 * @param {{value: object, held?: object, problem: Error | null, set: (part: object) => void, at?: string}} properties
 */
export function QuietHours({ value, held = {}, problem, set, at = "" }) {
  const spans = value.quiet_hours ?? held.quiet_hours ?? [];
  return html`<div class="grid2"><${Field} label="Time zone" path=${`${at}time_zone`} problem=${problem}><input list="zones" value=${value.time_zone ?? ""} placeholder=${held.time_zone || "UTC"} onInput=${(event) => set({ time_zone: event.target.value || undefined })} /></${Field}>
      <${Field} label="Language" hint="as en or de" path=${`${at}locale`} problem=${problem}><input value=${value.locale ?? ""} placeholder=${held.locale || "the stack's"} onInput=${(event) => set({ locale: event.target.value || undefined })} /></${Field}></div>
    <datalist id="zones">${zones().map((each) => html`<option value=${each} />`)}</datalist>
    <ul class="plain">${spans.map((span, position) => html`<${Span} key=${position} span=${span} position=${position} path=${`${at}quiet_hours[${position}]`} problem=${problem}
      set=${(changed) => set({ quiet_hours: replaced(spans, position, changed) })} />`)}</ul>
    <div class="inline"><button type="button" class="tiny" onClick=${() => set({ quiet_hours: [...spans, NIGHT] })}>Add quiet hours</button>
      <label class="check"><input type="checkbox" checked=${value.alerts_pass ?? held.alerts_pass ?? true} onChange=${(event) => set({ alerts_pass: event.target.checked })} /> Alerts pass them</label></div>`;
}

/** What waits for a digest. */
export function Digest({ value, held = {}, problem, set, at = "" }) {
  const digest = value.digest ?? held.digest ?? { every: "never" };
  return html`<div class="inline">
    <select aria-label="Digest every" value=${digest.every} onChange=${(event) => set({ digest: event.target.value === "day" ? { every: "day", at: "09:00" } : { every: event.target.value } })}>
      <option value="never">each by itself</option><option value="hour">one digest an hour</option><option value="day">one digest a day</option></select>
    ${digest.every === "day" && html`<${Field} label="at" path=${`${at}digest.at`} problem=${problem}><input size="6" aria-label="Digest at" value=${digest.at ?? ""} onInput=${(event) => set({ digest: { every: "day", at: event.target.value } })} /></${Field}>`}</div>`;
}
