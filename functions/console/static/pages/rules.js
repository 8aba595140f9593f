/** Rules: how often each fired, and an editor whose judge is the API; tests against recent events, and a backtest. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, get, part } from "../api.js";
import { link, route } from "../router.js";
import { may } from "../session.js";
import { EntryEditor, EntryTable, NewButton, useAll, useLoaded } from "../parts/resources.js";
import { Notice } from "../parts/notice.js";
import { Badge, short, When } from "../parts/text.js";
import { Bars } from "../parts/volume.js";

const BLANK = { severity: "notice", transports: [], destination_event_user: true, bindings: [{ policy: "" }] };
const POLICY = { kind: "event_matcher", action: "login_failed" };
const DAY_MS = 24 * 3600 * 1000;
const RECENT = 25;

const ago = (days) => new Date(Date.now() - days * DAY_MS).toISOString().replace(/\.\d+Z$/, "Z");

/** Run a rule over the log since then, answer after answer. */
async function backtest(name, since) {
  const body = { since };
  const hours = {};
  let fired = 0;
  let events = 0;
  do {
    const answer = (await ask("POST", `rules/${part(name)}/backtest`, { body })).data;
    fired += answer.fired;
    events += answer.events;
    for (const [hour, count] of Object.entries(answer.by_hour)) hours[hour] = (hours[hour] || 0) + count;
    body.cursor = answer.cursor;
  } while (body.cursor);
  return { fired, events, hours };
}

/** Counts of every hour since then, with those in which nothing happened. */
function everyHour(hours, days) {
  const start = Math.floor((Date.now() - days * DAY_MS) / 3600000) * 3600;
  const times = Array.from({ length: days * 24 + 1 }, (_, position) => start + position * 3600);
  const counted = new Map(Object.entries(hours).map(([hour, count]) => [Math.floor(Date.parse(hour) / 1000), count]));
  return { times, values: times.map((time) => counted.get(time) || 0) };
}

/** How often a rule would have fired, asked for one rule when its row is there. */
function Fired({ name }) {
  const [counts, setCounts] = useState(null);
  const load = async () => {
    try {
      const week = await backtest(name, ago(7));
      const day = Object.entries(week.hours).filter(([hour]) => Date.parse(hour) >= Date.now() - DAY_MS).reduce((sum, [, count]) => sum + count, 0);
      setCounts(`${day} / ${week.fired}`);
    } catch { setCounts("unknown"); }
  };
  return counts === null ? html`<button class="tiny" aria-label=${`Count how often ${name} fired`} onClick=${load}>Count</button>` : html`<span class="number">${counts}</span>`;
}

function Backtest({ name }) {
  const [result, setResult] = useState(null);
  const [problem, setProblem] = useState(null);
  const run = () => { setResult("busy"); setProblem(null); backtest(name, ago(7)).then((found) => setResult({ ...found, ...everyHour(found.hours, 7) }), (refused) => { setProblem(refused); setResult(null); }); };
  return html`<section class="card" aria-label="Backtest"><h2>Backtest</h2><button disabled=${result === "busy"} onClick=${run}>Run over 7 days</button>
    <${Notice} problem=${problem} />
    ${result && result !== "busy" && html`<p role="status">It would have fired ${result.fired} times on ${result.events} events.</p>
      <${Bars} times=${result.times} values=${result.values} step=${3600} label=${`Fired ${result.fired} times in 7 days, by hour`} />`}</section>`;
}

function Explained({ said }) {
  return html`<p><${Badge} kind=${said.fires ? "good" : ""}>${said.fires ? "fires" : "does not fire"}</${Badge}>
      ${said.tells ? ` and would tell ${said.recipients.usernames.length ? short(said.recipients.usernames.join(", "), 300) : "nobody in particular"}${said.recipients.more ? " and more" : ""} by ${said.transports.map((each) => each.name).join(", ") || "the inbox"}` : ""}</p>
    <ul>${said.bindings.map((each) => html`<li>${short(each.binding, 120)}: ${each.passed ? "holds" : "does not hold"} <span class="muted small">${short(each.error || each.reason || "", 300)}</span></li>`)}</ul>`;
}

function TestRecent({ name }) {
  const recent = useLoaded(() => get("events", { limit: RECENT }), name);
  const [chosen, setChosen] = useState("");
  const [said, setSaid] = useState({});
  useEffect(() => {
    if (!chosen) return;
    ask("POST", `rules/${part(name)}/test`, { body: { event_id: chosen } }).then((answer) => setSaid({ answer: answer.data }), (problem) => setSaid({ problem }));
  }, [chosen]);
  return html`<section class="card" aria-label="Test"><h2>Test against a recent event</h2>
    <select aria-label="Event" value=${chosen} onChange=${(event) => setChosen(event.target.value)}><option value="">Choose an event</option>
      ${((recent.value && recent.value.items) || []).map((each) => html`<option value=${each.id}>${short(each.summary || each.action, 90)}</option>`)}</select>
    <${Notice} problem=${said.problem} /><div role="status">${said.answer && html`<${Explained} said=${said.answer} />`}</div></section>`;
}

/** What was changed of a rule, from the events that say so. */
function History({ name }) {
  const events = useLoaded(() => get("events", { app: "tocsin", model_pk: name, limit: 20 }), name);
  if (!events.value || !events.value.items.length) return null;
  return html`<section class="card" aria-label="Changes"><h2>Changes</h2><ul class="timeline">${events.value.items.map((each) => html`<li key=${each.id}>
    <${When} at=${each.created} /> <a href=${link("events", "", { event: each.id })}>${short(each.summary || each.action, 200)}</a></li>`)}</ul></section>`;
}

function Rule({ name }) {
  return html`<${EntryEditor} key=${name} kind="rules" one="rule" blank=${BLANK}>
    ${(rule) => html`<p>Policies: ${(rule.bindings || []).filter((each) => each.policy).map((each) => html`<a href=${link("policies", each.policy)}>${each.policy}</a> `)}</p>
      ${may("events:read") && html`<${TestRecent} name=${name} /><${Backtest} name=${name} /><${History} name=${name} />`}`}
  </${EntryEditor}>`;
}

function Policies() {
  const policies = useAll("policies");
  return html`<h2>Policies</h2><p class="muted">Conditions that rules are bound to: an event matcher, an EventBridge pattern, or an expression in CEL.</p>
    <${Notice} problem=${policies.problem} />
    <${EntryTable} kind="policies" items=${policies.value} empty="No policy yet." columns=${[["Kind", (item) => item.kind],
      ["Says", (item) => short(item.expression || JSON.stringify(item.pattern) || ["action", "app", "client_ip", "model", "query"].filter((field) => item[field]).map((field) => `${field} = ${item[field]}`).join(", "), 120)]]} />`;
}

export default function Rules() {
  const { page, name } = route.value;
  const rules = useLoaded(() => (name ? Promise.resolve(null) : get("rules", { limit: 1000 })), name);
  if (page === "policies" && name) return html`<${EntryEditor} key=${name} kind="policies" one="policy" blank=${POLICY} />`;
  if (name) return html`<${Rule} name=${name} />`;
  return html`<div class="head"><h1>Rules</h1><${NewButton} kind="rules" one="rule" /><${NewButton} kind="policies" one="policy" /></div>
    <${Notice} problem=${rules.problem} />
    <${EntryTable} kind="rules" items=${rules.value && rules.value.items} empty="No rule yet: nobody is told of anything."
      columns=${[["Severity", (item) => html`<${Badge} kind=${item.severity} />`], ["Enabled", (item) => (item.enabled ? "yes" : html`<${Badge} kind="warning">no</${Badge}>`)],
        ["Transports", (item) => short((item.transports || []).join(", ") || "inbox", 80)], ...(may("events:read") ? [["Fires in 24 h / 7 d", (item) => html`<${Fired} name=${item.name} />`]] : [])]} />
    <${Policies} />`;
}
