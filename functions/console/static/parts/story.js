/** What became of an event: rule → bindings → held by → each delivery with its attempts. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, get, part } from "../api.js";
import { link } from "../router.js";
import { may } from "../session.js";
import { Acknowledged } from "./acknowledge.js";
import { Notice } from "./notice.js";
import { Badge, short, When } from "./text.js";

export const AGAIN_MS = 3000;
/** An event of which rules may not have been asked yet: matching takes seconds, and longer where much has come at once. */
const FRESH_MS = 120_000;
/** States that last for seconds: whoever looks on is shown what comes of it. */
export const UNDER_WAY = new Set(["queued", "delivering"]);
const FINAL = new Set(["delivered", "joined", "failed", "discarded", "dropped"]);
/** Nothing happens before a time that is known: it is not asked for again and again. */
const STILL = new Set([...FINAL, "waiting"]);
const SHOWN = new Set(["rule", "at", "deliveries", "severity", "transports", "bindings", "acknowledged", "escalates", "escalated"]);

/** What a rule's entry says beside the usual: why it held back, or told nobody. */
const reasons = (rule) => Object.entries(rule).filter(([name, value]) => !SHOWN.has(name) && value !== null && value !== false);

function Bindings({ bindings }) {
  return html`<ul class="timeline">${(bindings || []).map((each) => html`<li class=${each.passed ? "yes" : "no"}>
    <${Badge} kind=${each.passed ? "good" : ""}>${each.passed ? "holds" : "does not"}</${Badge}> ${short(each.binding, 120)}
    <div class="small muted">${short(each.error || each.reason || "", 300)}</div></li>`)}</ul>`;
}

export function Attempts({ attempts }) {
  return html`<ul class="timeline">${attempts.map((each) => html`<li class=${each.state}>
    <${When} at=${each.at} /> <${Badge} kind=${each.state} /> ${short(each.reason, 120)}
    <span class="muted small"> ${each.duration_ms} ms${each.status ? `, status ${each.status}` : ""}</span>
    ${each.detail && html`<div class="small">${short(each.detail, 300)}</div>`}
    ${each.answer && html`<div class="small mono muted">${short(each.answer, 300)}</div>`}</li>`)}</ul>`;
}

/** A delivery with its attempts, and a button that sends it again. */
export function DeliveryStory({ delivery, changed }) {
  const [problem, setProblem] = useState(null);
  const retry = async () => {
    setProblem(null);
    try {
      await ask("POST", `deliveries/${part(delivery.id)}/retry`);
      changed();
    } catch (refused) { setProblem(refused); }
  };
  return html`<div>
    <div class="inline"><${Badge} kind=${delivery.state} /> <a href=${link("transports", delivery.transport)}>${delivery.transport}</a>
      <span>${delivery.user ? `to ${short(delivery.user, 80)}` : "to the transport itself"}${delivery.step ? `, step ${delivery.step}` : ""}</span>
      ${may("config:write") && ["failed", "discarded", "dropped", "retrying", "held", "waiting"].includes(delivery.state) && html`<button class="tiny" onClick=${retry}>Retry</button>`}</div>
    ${delivery.next_attempt && !FINAL.has(delivery.state) && html`<p class="small muted">${delivery.state === "waiting" ? "goes out" : "next attempt"} <${When} at=${delivery.next_attempt} /></p>`}
    ${delivery.why && html`<p class="small">${short(delivery.why, 300)}</p>`}
    ${delivery.joined && html`<p class="small muted">told with others, in <a href=${link("deliveries", "", { state: "delivered", d: delivery.joined })}>one message</a></p>`}
    <${Notice} problem=${problem} /><${Attempts} attempts=${delivery.attempts} /></div>`;
}

/** What escalates is acknowledged here by whoever was not told of it themselves. */
function AcknowledgeEvent({ event, rule, changed }) {
  const [problem, setProblem] = useState(null);
  const act = async () => {
    setProblem(null);
    try {
      await ask("POST", `events/${part(event)}/acknowledge`, { query: { rule } });
      changed();
    } catch (refused) { setProblem(refused); }
  };
  return html`<p class="inline"><${Badge} kind="warning">not acknowledged</${Badge}> <button class="tiny" onClick=${act}>Acknowledge</button></p><${Notice} problem=${problem} />`;
}

function Rule({ event, rule, deliveries, changed }) {
  return html`<div class="card">
    <div class="inline"><a href=${link("rules", rule.rule)}>${short(rule.rule, 120)}</a><${Badge} kind=${rule.severity} />
      <span class="muted small"><${When} at=${rule.at} /></span></div>
    <${Bindings} bindings=${rule.bindings} />
    ${rule.acknowledged && html`<p><${Acknowledged} said=${rule.acknowledged} /></p>`}
    ${rule.escalates && !rule.acknowledged && may("config:write") && html`<${AcknowledgeEvent} event=${event} rule=${rule.rule} changed=${changed} />`}
    ${(rule.escalated || []).map((step) => html`<p key=${`${step.step} ${step.at}`} class="note">${short(step.reason, 300)} <span class="small muted">group ${short(step.destination_group, 80)}, <${When} at=${step.at} /></span></p>`)}
    ${reasons(rule).map(([name, value]) => html`<p class="note"><b>${name.replaceAll("_", " ")}</b> ${short(typeof value === "object" ? JSON.stringify(value) : value, 300)}</p>`)}
    ${deliveries.map((delivery) => html`<${DeliveryStory} key=${delivery.id} delivery=${delivery} changed=${changed} />`)}
  </div>`;
}

/** What policies said that log each run. */
const Policies = ({ policies }) => policies.length > 0 && html`<div class="card" role="group" aria-label="Policies that log"><ul class="timeline">${policies.map((each) => html`<li key=${each.policy} class=${each.passed ? "yes" : "no"}>
  <a href=${link("policies", each.policy)}>${short(each.policy, 120)}</a> ${short(each.message, 300)} <span class="small muted">${each.duration_ms} ms</span></li>`)}</ul></div>`;

/** Whether it was created a moment ago, by a clock of the browser that is about right. */
const isFresh = (created) => Math.abs(Date.now() - Date.parse(created)) < FRESH_MS;

/** Whether more is to be expected within seconds. */
const goesOn = (story, created) => (story.deliveries.length ? story.deliveries.some((each) => !STILL.has(each.state)) : isFresh(created));

/** An event's story. While rules may not have been asked yet, or a delivery is under way, it is asked for again. */
export function Story({ id, created }) {
  const [story, setStory] = useState(null);
  const [problem, setProblem] = useState(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let timer;
    const aborter = new AbortController();
    get(`events/${part(id)}/deliveries`, {}, aborter.signal).then((found) => {
      setStory(found);
      setProblem(null);
      if (goesOn(found, created)) timer = setTimeout(() => setTurn((before) => before + 1), AGAIN_MS);
    }, (refused) => refused.name !== "AbortError" && setProblem(refused));
    return () => { aborter.abort(); clearTimeout(timer); };
  }, [id, created, turn]);
  const changed = () => setTurn((before) => before + 1);
  const here = story && story.event_id === id ? story : null;
  return html`<section aria-label="Story"><h3 class="inline">Story <button class="tiny" onClick=${changed}>Look again</button></h3>
    <${Notice} problem=${problem} />
    ${!here && !problem && html`<p class="muted" role="status">Loading…</p>`}
    ${here && !here.rules.length && html`<p class="muted">No rule has fired on this event${isFresh(created) ? " yet" : ""}.</p>`}
    ${here && here.rules.map((rule) => html`<${Rule} key=${rule.rule} event=${id} rule=${rule} changed=${changed}
      deliveries=${here.deliveries.filter((each) => each.rule === rule.rule)} />`)}
    ${here && html`<${Policies} policies=${here.policies} />`}
    ${here && here.cursor && html`<p class="muted small">There are more deliveries than are shown here.</p>`}
  </section>`;
}
