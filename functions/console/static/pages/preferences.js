/** How a person wants to be told: what reaches them and by what, when not, and what waits for a digest. Theirs to change. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, get } from "../api.js";
import { link, route } from "../router.js";
import { useLoaded } from "../parts/resources.js";
import { Elsewhere, Field, Notice } from "../parts/notice.js";
import { useShown } from "../parts/shown.js";
import { Badge, short } from "../parts/text.js";

const MINE = "users/me/preferences";
const SEVERITIES = ["notice", "warning", "alert"];
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const NIGHT = { starts: "22:00", ends: "07:00" };
const SHOWN = ["time_zone", "locale", "quiet_hours", "digest"];
const HOUR_MS = 3600 * 1000;

const zones = () => ["UTC", ...(Intl.supportedValuesOf ? Intl.supportedValuesOf("timeZone") : [])];

/** `object` without the members that say nothing. */
const spoken = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

function Span({ span, position, problem, set }) {
  const path = `quiet_hours[${position}]`;
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
  const errors = ((problem && problem.errors) || []).filter((each) => each.path === path || each.path.startsWith(`${path}.`) || each.path.startsWith(`${path}[`));
  return errors.length ? { message: "", errors } : null;
}

function Transports({ known, said, set }) {
  if (!known.length) return html`<p class="muted">No transport reaches you: no rule tells you by one.</p>`;
  return html`<table class="stack"><thead><tr>${["Transport", "Tells me", "From severity", "At once"].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
    <tbody>${known.map(({ name, mode, send_once: once }) => {
      const mine = said[name] || {};
      const change = (part) => set({ ...said, [name]: spoken({ ...mine, ...part }) });
      return html`<tr key=${name}><td>${short(name, 80)} <span class="small muted">${mode}</span></td>
        ${once ? html`<td colspan="3" class="small muted">A channel's: it has no preferences.</td>` : html`
        <td data-label="Tells me"><input type="checkbox" aria-label=${`${name} tells me`} checked=${mine.enabled !== false} onChange=${(event) => change({ enabled: event.target.checked ? undefined : false })} /></td>
        <td data-label="From severity"><select aria-label=${`${name} from severity`} value=${mine.min_severity || "notice"} onChange=${(event) => change({ min_severity: event.target.value === "notice" ? undefined : event.target.value })}>
          ${SEVERITIES.map((each) => html`<option value=${each}>${each}</option>`)}</select></td>
        <td data-label="At once"><input type="checkbox" aria-label=${`${name} at once`} checked=${Boolean(mine.at_once)} onChange=${(event) => change({ at_once: event.target.checked || undefined })} /></td>`}</tr>`;
    })}</tbody></table>`;
}

const stateOf = (mine) => (mine.muted ? "muted" : mine.muted_until && Date.parse(mine.muted_until) > Date.now() ? "until" : "told");

function Rules({ known, said, set }) {
  if (!known.length) return html`<p class="muted">No rule tells you of anything.</p>`;
  const choose = (name, chosen) => {
    const { [name]: _was, ...others } = said;
    const hours = { hour: 1, day: 24, week: 168 }[chosen];
    if (chosen === "told") set(others);
    else if (chosen === "muted") set({ ...others, [name]: { muted: true } });
    else if (hours) set({ ...others, [name]: { muted_until: new Date(Date.now() + hours * HOUR_MS).toISOString() } });
  };
  return html`<table class="stack"><thead><tr>${["Rule", "Severity", "Tells me by", "Because", ""].map((title) => html`<th scope="col">${title || html`<span class="unseen-text">Mute</span>`}</th>`)}</tr></thead>
    <tbody>${known.map((rule) => {
      const mine = said[rule.name] || {};
      const state = stateOf(mine);
      return html`<tr key=${rule.name} id=${`rule-${rule.name}`} class=${route.value.query.rule === rule.name ? "chosen" : undefined}><td>${short(rule.name, 100)}</td><td data-label="Severity"><${Badge} kind=${rule.severity} /></td>
        <td data-label="By">${rule.transports.join(", ")}</td><td data-label="Because">${rule.because.group ? `you are in ${short(rule.because.group, 80)}` : "it is about you"}</td>
        <td>${rule.can_be_muted ? html`<select aria-label=${`Mute ${rule.name}`} value=${state} onChange=${(event) => choose(rule.name, event.target.value)}>
          <option value="told">tells me</option>${state === "until" && html`<option value="until">muted until ${short(mine.muted_until, 16)}</option>`}
          <option value="hour">mute for an hour</option><option value="day">mute for a day</option><option value="week">mute for a week</option><option value="muted">muted</option></select>`
        : html`<span class="small muted">can't be muted</span>`}</td></tr>`;
    })}</tbody></table>`;
}

export default function Preferences() {
  const loaded = useLoaded(async () => {
    const [mine, options] = await Promise.all([ask("GET", MINE), get(`${MINE}/options`)]);
    return { said: mine.data, etag: mine.etag, options };
  });
  const [value, setValue] = useState(null);
  const [result, setResult] = useState({});
  useEffect(() => { if (loaded.value) setValue(loaded.value.said); }, [loaded.value]);
  const { rule, show } = route.value.query;
  useShown(value, rule ? `rule-${rule}` : show === "quiet-hours" && show);
  if (!value) return html`<div class="head"><h1>Preferences</h1></div><${Notice} problem=${loaded.problem} />${!loaded.problem && html`<p role="status" class="muted">Loading…</p>`}`;
  const { options } = loaded.value;
  const held = options.effective;
  const set = (part) => { setResult({}); setValue(spoken({ ...value, ...part })); };
  const spans = value.quiet_hours ?? held.quiet_hours ?? [];
  const digest = value.digest ?? held.digest ?? { every: "never" };
  const setSpan = (position, span) => set({ quiet_hours: spans.flatMap((each, at) => (at !== position ? [each] : span === undefined ? [] : [span])) });
  const save = async (event) => {
    event.preventDefault();
    try {
      await ask("PUT", MINE, { body: value, etag: loaded.value.etag });
      setResult({ done: "Saved. It is in force within ten seconds." });
      loaded.again();
    } catch (problem) { setResult({ problem }); }
  };
  const { problem } = result;
  return html`<div class="head"><h1>Preferences</h1><a href=${link("inbox")}>Inbox</a></div>
    <p class="muted">How you are told. What you leave open is as this stack's settings have it.</p>
    <${Notice} problem=${problem}>${result.done}</${Notice}>
    <form onSubmit=${save} aria-label="Preferences">
      <section class="card" aria-label="Transports"><h2>Transports</h2>
        <p class="small muted">"At once" passes your quiet hours and your digest.</p>
        <${Transports} known=${options.transports} said=${value.transports || {}} set=${(transports) => set({ transports })} /></section>
      <section class="card" aria-label="Quiet hours" id="quiet-hours"><h2>Quiet hours</h2>
        <div class="grid2"><${Field} label="Time zone" path="time_zone" problem=${problem}><input list="zones" value=${value.time_zone ?? ""} placeholder=${held.time_zone} onInput=${(event) => set({ time_zone: event.target.value || undefined })} /></${Field}>
          <${Field} label="Language" hint="as en or de" path="locale" problem=${problem}><input value=${value.locale ?? ""} placeholder=${held.locale || "the stack's"} onInput=${(event) => set({ locale: event.target.value || undefined })} /></${Field}></div>
        <datalist id="zones">${zones().map((each) => html`<option value=${each} />`)}</datalist>
        <ul class="plain">${spans.map((span, position) => html`<${Span} key=${position} span=${span} position=${position} problem=${problem} set=${(changed) => setSpan(position, changed)} />`)}</ul>
        <div class="inline"><button type="button" class="tiny" onClick=${() => set({ quiet_hours: [...spans, NIGHT] })}>Add quiet hours</button>
          <label class="check"><input type="checkbox" checked=${value.alerts_pass ?? held.alerts_pass} onChange=${(event) => set({ alerts_pass: event.target.checked })} /> Alerts pass them</label></div></section>
      <section class="card" aria-label="Digest"><h2>Digest</h2><div class="inline">
        <select aria-label="Digest every" value=${digest.every} onChange=${(event) => set({ digest: event.target.value === "day" ? { every: "day", at: "09:00" } : { every: event.target.value } })}>
          <option value="never">each by itself</option><option value="hour">one digest an hour</option><option value="day">one digest a day</option></select>
        ${digest.every === "day" && html`<${Field} label="at" path="digest.at" problem=${problem}><input size="6" aria-label="Digest at" value=${digest.at ?? ""} onInput=${(event) => set({ digest: { every: "day", at: event.target.value } })} /></${Field}>`}</div></section>
      <section class="card" aria-label="Rules"><h2>Rules</h2><${Rules} known=${options.rules} said=${value.rules || {}} set=${(rules) => set({ rules })} /></section>
      <${Elsewhere} problem=${problem} shown=${SHOWN} />
      <button class="primary">Save</button>
    </form>`;
}
