/** Whether all is well: queues, dead letters, errors, breakers, the stream; what waits and failed; Tocsin's own events. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { get } from "../api.js";
import { link } from "../router.js";
import { may } from "../session.js";
import { useLoaded } from "../parts/resources.js";
import { Notice } from "../parts/notice.js";
import { Badge, short, When } from "../parts/text.js";

const STATES = ["queued", "retrying", "held", "failed"];
const COUNTED = 1000;
const TROUBLE = "system_exception,configuration_error,configuration_warning,policy_exception,property_mapping_exception,suspicious_request";

async function counted() {
  const pages = await Promise.all(STATES.map((state) => get("deliveries", { state, limit: COUNTED })));
  return pages.map((page, position) => {
    const oldest = page.items.reduce((first, item) => (!first || item.created < first ? item.created : first), "");
    return { state: STATES[position], count: page.items.length, more: Boolean(page.cursor), oldest };
  });
}

function Deliveries({ states }) {
  return html`<table class="tight"><thead><tr><th scope="col">State</th><th scope="col" class="number">Deliveries</th><th scope="col" class="number">Oldest</th></tr></thead><tbody>
    ${states.map((each) => html`<tr key=${each.state}><td><a href=${link("deliveries", "", { state: each.state })}>${each.state}</a></td>
      <td class="number">${each.count}${each.more ? "+" : ""}</td><td class="number"><${When} at=${each.oldest} /></td></tr>`)}</tbody></table>`;
}

/** Seconds, as people say them. */
const lasting = (seconds) => (seconds === null ? "—" : seconds < 120 ? `${Math.round(seconds)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`);

/** A part of GET /status; where it could not be read, why. */
function Part({ label, value, unknown, part, children }) {
  const why = new Map();
  for (const each of unknown.filter(({ part: of }) => of === part || of.startsWith(`${part}.`))) why.set(each.reason, [...(why.get(each.reason) || []), each.part.split(".")[1] || ""]);
  return html`<section class="card" aria-label=${label}><h2>${label}</h2>
    ${[...why].map(([reason, of]) => html`<p class="note bad" role="alert"><b>This can't be read${of[0] ? ` of ${of.join(", ")}` : ""}:</b> ${short(reason, 200)}</p>`)}
    ${value !== null && children}</section>`;
}

function Queues({ status }) {
  return html`<${Part} label="Queues" value=${status.queues} unknown=${status.unknown} part="queues">
    <table class="tight"><thead><tr><th scope="col">Queue</th><th scope="col" class="number">Waiting</th><th scope="col" class="number">Working</th><th scope="col" class="number">Later</th><th scope="col" class="number">Oldest</th></tr></thead>
      <tbody>${(status.queues || []).map((each) => html`<tr key=${each.queue}><th scope="row">${each.queue}</th><td class="number">${each.waiting}</td><td class="number">${each.in_flight}</td>
        <td class="number">${each.delayed}</td><td class="number">${lasting(each.oldest_seconds)}</td></tr>`)}</tbody></table></${Part}>`;
}

function DeadLetters({ status }) {
  const some = (status.dead_letters || []).filter((each) => each.messages);
  return html`<${Part} label="Dead letters" value=${status.dead_letters} unknown=${status.unknown} part="dead_letters">
    ${some.length === 0 ? html`<p><${Badge} kind="good">none</${Badge}> Nothing failed in Tocsin's own code.</p>`
    : some.map((queue) => html`<h3 class="inline">${queue.queue} <${Badge} kind="bad">${queue.messages}</${Badge}></h3>
      <ul>${queue.reasons.map((each) => html`<li>${each.messages} × ${short(each.reason, 200)}, the oldest of <${When} at=${each.oldest} />
        ${each.event_id && may("events:read") && html` <a href=${link("events", "", { event: each.event_id })}>an event</a>`}</li>`)}</ul>
      <p class="small muted">${queue.looked_at} of ${queue.messages} looked at. Mend the cause, then: tocsin dead-letters ${queue.queue} --redrive</p>`)}</${Part}>`;
}

function Stream({ status }) {
  return html`<${Part} label="Stream" value=${status.stream} unknown=${status.unknown} part="ages">
    <dl class="facts">${(status.stream || []).map((each) => html`<dt>${each.reader}</dt>
      <dd>${each.lag_seconds === null ? "not measured lately" : html`<${Badge} kind=${each.lag_seconds < 300 ? "good" : "bad"}>${lasting(each.lag_seconds)}</${Badge}> behind the log`}</dd>`)}</dl></${Part}>`;
}

function Breakers({ status }) {
  const breakers = status.breakers || [];
  return html`<${Part} label="Breakers" value=${status.breakers} unknown=${status.unknown} part="breakers">
    ${!breakers.length && html`<p class="muted">There is no transport.</p>`}
    <ul class="plain">${breakers.map((each) => html`<li key=${each.transport}><a href=${link("transports", each.transport)}>${short(each.transport, 80)}</a>${" "}
      <${Badge} kind=${each.state} />${" "}${each.failures_in_a_row > 0 && html`<span class="small muted">${each.failures_in_a_row} failures since <${When} at=${each.failing_since} />: ${short(each.last_failure, 100)}</span>`}
      ${each.state === "disabled" && !each.failures_in_a_row && html`<span class="small muted">since <${When} at=${each.changed_at} />: ${short(each.last_failure, 100)}</span>`}</li>`)}</ul></${Part}>`;
}

function Errors({ status }) {
  const errors = status.errors || { codes: [], complete: true };
  return html`<${Part} label="Errors by code" value=${status.errors} unknown=${status.unknown} part="errors">
    ${!errors.codes.length && html`<p><${Badge} kind="good">none</${Badge}> No function logged an error within the hour.</p>`}
    <ul class="timeline">${errors.codes.map((each) => html`<li class="failed" key=${`${each.code} ${each.function}`}><code>${each.code}</code> ${each.count} × by ${each.function}, latest <${When} at=${each.latest} />
      <div class="small muted">${short(each.message, 200)} ${each.event_id && may("events:read") && html`<a href=${link("events", "", { event: each.event_id })}>its event</a>`}</div></li>`)}</ul>
    ${!errors.complete && html`<p class="small muted">Not all of the logs was read.</p>`}</${Part}>`;
}

/** What waits and what failed, and Tocsin's own events about its troubles: of the log, so for whoever may read that. */
function FromTheLog({ turn }) {
  const states = useLoaded(counted);
  const trouble = useLoaded(() => get("events", { actions: TROUBLE, app: "tocsin", limit: 15 }));
  useEffect(() => { if (turn) { states.again(); trouble.again(); } }, [turn]);
  return html`<section class="card" aria-label="Deliveries"><h2>Deliveries</h2><${Notice} problem=${states.problem} />${states.value && html`<${Deliveries} states=${states.value} />`}</section>
    <section class="card" aria-label="Latest troubles"><h2>Latest troubles</h2><${Notice} problem=${trouble.problem} />
      ${trouble.value && !trouble.value.items.length && html`<p class="muted">None that Tocsin has told of.</p>`}
      <ul class="timeline">${((trouble.value && trouble.value.items) || []).map((each) => html`<li key=${each.id}><${When} at=${each.created} />
        <${Badge}>${each.action}</${Badge}> <a href=${link("events", "", { event: each.id })}>${short(each.summary || "", 160)}</a></li>`)}</ul></section>`;
}

export default function Health() {
  const [turn, setTurn] = useState(0);
  const health = useLoaded(() => get("health"));
  const own = useLoaded(() => get("status"));
  const again = () => { health.again(); own.again(); setTurn(turn + 1); };
  const status = own.value;
  return html`<div class="head"><h1>Health</h1><button onClick=${again}>Refresh</button></div>
    <${Notice} problem=${health.problem || own.problem} />
    <p>${health.value && html`<span>The API is <${Badge} kind="good">${health.value.status || "ok"}</${Badge}>, version ${health.value.version}.</span>`}${" "}
      ${status ? html`<span>As of <${When} at=${status.at} />.</span>` : !own.problem && html`<span class="muted" role="status">Loading…</span>`}</p>
    <div class="cards">
      ${status && html`<${Queues} status=${status} /><${DeadLetters} status=${status} /><${Errors} status=${status} />
        <${Breakers} status=${status} /><${Stream} status=${status} />`}
      ${may("events:read") && html`<${FromTheLog} turn=${turn} />`}
    </div>`;
}
