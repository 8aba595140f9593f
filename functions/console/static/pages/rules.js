/** Rules and policies: how often each fired; editors whose judge is the API; tests on recent events, a backtest, changes. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, get, part } from "../api.js";
import { link, route } from "../router.js";
import { may } from "../session.js";
import { EntryEditor } from "../parts/editor.js";
import { EntryTable, NewButton, useAll, useLoaded } from "../parts/resources.js";
import { Notice } from "../parts/notice.js";
import { PolicyForm } from "../parts/policy_form.js";
import { RuleForm } from "../parts/rule_form.js";
import { Badge, short, When } from "../parts/text.js";
import { Bars } from "../parts/volume.js";

const BLANK = { severity: "notice", transports: [], destination_event_user: true, bindings: [{ policy: "" }] };
const POLICY = { kind: "event_matcher", action: "login_failed" };
const DAY_MS = 24 * 3600 * 1000;
const RECENT = 25;
const SOME = 20;

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

/** Of a stored event, what a producer would give: the beginning of a test. */
const asGiven = ({ action, app, user, client_ip: clientIp, context }) => ({ action, app, user, ...(clientIp ? { client_ip: clientIp } : {}), context });

function TestRecent({ name, edit }) {
  const recent = useLoaded(() => get("events", { limit: RECENT }), name);
  const [chosen, setChosen] = useState("");
  const [said, setSaid] = useState({});
  useEffect(() => {
    setSaid({});
    if (!chosen) return undefined;
    let here = true; // what is said of an event that was chosen before is not said of this one
    ask("POST", `rules/${part(name)}/test`, { body: { event_id: chosen } }).then((answer) => here && setSaid({ answer: answer.data }), (problem) => here && setSaid({ problem }));
    return () => { here = false; };
  }, [chosen]);
  const items = (recent.value && recent.value.items) || [];
  const event = items.find((each) => each.id === chosen);
  const keep = () => {
    edit((rule) => ({ ...rule, tests: [...(rule.tests || []), { event: asGiven(event), fires: said.answer.fires }] }));
    setSaid({ ...said, kept: true });
  };
  return html`<section class="card" aria-label="Test"><h2>Test against a recent event</h2>
    <select aria-label="Event" value=${chosen} onChange=${(each) => setChosen(each.target.value)}><option value="">Choose an event</option>
      ${items.map((each) => html`<option value=${each.id}>${short(each.summary || each.action, 90)}</option>`)}</select>
    <${Notice} problem=${said.problem || recent.problem} /><div role="status">${said.answer && html`<${Explained} said=${said.answer} />`}
      ${said.kept && html`<p class="small">It is among the rule's tests above, once that is saved.</p>`}</div>
    ${said.answer && event && !said.kept && may("config:write") && html`<button type="button" onClick=${keep}>Keep it as a test of the rule</button>`}</section>`;
}

/** Whom a rule tells, whatever the event: the members of its group, as many as fit. */
function Told({ rule }) {
  const group = rule.destination_group;
  const members = useLoaded(() => (group ? get(`groups/${part(group)}/members`, { limit: SOME }) : Promise.resolve({ items: [], cursor: null })), group || "");
  const below = useLoaded(() => (group ? get(`groups/${part(group)}`) : Promise.resolve({})), group || "");
  const items = (members.value && members.value.items) || [];
  const children = (below.value && below.value.children) || [];
  return html`<section class="card" aria-label="Who would be told"><h2>Who would be told</h2><${Notice} problem=${members.problem} />
    ${!group && !rule.destination_event_user && html`<p class="wrong">Nobody: it has neither a group nor the event's user.</p>`}
    ${rule.destination_event_user && html`<p>The event's user.</p>`}
    ${group && html`<p><a href=${link("groups", group)}>${short(group, 100)}</a>: ${items.length || !members.value ? items.map((each) => each.username).join(", ") : "nobody is in it"}${members.value && members.value.cursor ? ", …" : ""}</p>`}
    ${children.length > 0 && html`<p>And those of ${children.map((each, at) => html`${at ? ", " : ""}<a href=${link("groups", each)}>${short(each, 100)}</a>`)}.</p>`}
    <p class="small muted">Severity ${rule.severity}, by ${(rule.transports || []).join(", ") || "the inbox"}; each person's preferences may hold it back.</p></section>`;
}

/** What was changed of a rule or a policy, from the events that say so: of the one kind, where both have the name. */
function History({ name, model }) {
  const events = useLoaded(() => get("events", { app: "tocsin", model_name: model, model_pk: name, limit: 20 }), name);
  if (events.problem) return html`<${Notice} problem=${events.problem} />`;
  if (!events.value || !events.value.items.length) return null;
  return html`<section class="card" aria-label="Changes"><h2>Changes</h2><ul class="timeline">${events.value.items.map((each) => html`<li key=${each.id}>
    <${When} at=${each.created} /> <a href=${link("events", "", { event: each.id })}>${short(each.summary || each.action, 200)}</a></li>`)}</ul></section>`;
}

function Rule({ name }) {
  return html`<${EntryEditor} key=${name} kind="rules" one="rule" blank=${BLANK} form=${RuleForm}>
    ${(rule, _again, edit) => html`<${Told} rule=${rule} />
      ${may("events:read") && html`<${TestRecent} name=${name} edit=${edit} /><${Backtest} name=${name} /><${History} name=${name} model="rule" />`}`}
  </${EntryEditor}>`;
}

/** How often each rule fired and was held, by its name; empty while that is not known. */
function useFirings() {
  const loaded = useLoaded(() => get("firings"));
  return { problem: loaded.problem, of: new Map(((loaded.value && loaded.value.items) || []).map((each) => [each.rule, each])), known: Boolean(loaded.value) };
}

const NEVER = { fired: 0, held: 0 };
/** A count of firings; those that were held stand beside it. */
const Count = ({ count, known }) => (known ? html`<span>${count.fired}${count.held ? html` <span class="small muted">(${count.held} held)</span>` : ""}</span>` : html`<span class="muted">…</span>`);

function Policies() {
  const policies = useAll("policies");
  return html`<h2>Policies</h2><p class="muted">Conditions that rules are bound to: an event matcher, an EventBridge pattern, or an expression in CEL.</p>
    <${Notice} problem=${policies.problem} />
    <${EntryTable} kind="policies" items=${policies.value} problem=${policies.problem} empty="No policy yet." columns=${[["Kind", (item) => item.kind],
      ["Says", (item) => short(item.expression || JSON.stringify(item.pattern) || ["action", "app", "client_ip", "model", "query"].filter((field) => item[field]).map((field) => `${field} = ${item[field]}`).join(", "), 120)]]} />`;
}

function Overview() {
  const rules = useAll("rules");
  const firings = useFirings();
  const counted = (span) => (item) => html`<${Count} count=${(firings.of.get(item.name) || { [span]: NEVER })[span]} known=${firings.known} />`;
  return html`<div class="head"><h1>Rules</h1><${NewButton} kind="rules" one="rule" /><${NewButton} kind="policies" one="policy" /></div>
    <${Notice} problem=${rules.problem || firings.problem} />
    <${EntryTable} kind="rules" items=${rules.value} problem=${rules.problem} empty="No rule yet: nobody is told of anything."
      columns=${[["Severity", (item) => html`<${Badge} kind=${item.severity} />`], ["Enabled", (item) => (item.enabled ? "yes" : html`<${Badge} kind="warning">no</${Badge}>`)],
        ["Transports", (item) => short((item.transports || []).join(", ") || "inbox", 80)], ["Fired in 24 h", counted("day")], ["in 7 days", counted("week")]]} />
    <${Policies} />`;
}

export default function Rules() {
  const { page, name } = route.value;
  if (page === "policies" && name) {
    return html`<${EntryEditor} key=${name} kind="policies" one="policy" blank=${POLICY} form=${PolicyForm}>
      ${() => may("events:read") && html`<${History} name=${name} model="policy" />`}</${EntryEditor}>`;
  }
  return name ? html`<${Rule} name=${name} />` : html`<${Overview} />`;
}
