/** Whether all is well: the API, breakers, what waits and what failed, and Tocsin's own latest troubles. */
import { html } from "../html.js";
import { all, get } from "../api.js";
import { link } from "../router.js";
import { useLoaded } from "../parts/resources.js";
import { Notice } from "../parts/notice.js";
import { Badge, short, When } from "../parts/text.js";
import { Breaker } from "./transports.js";

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

/** Queues, dead letters and errors as the stack itself counts them, where it has GET /status. */
async function status() {
  try { return await get("status"); } catch (problem) { if (problem.status === 404) return null; throw problem; }
}

function Deliveries({ states }) {
  return html`<table><thead><tr><th scope="col">State</th><th scope="col">Deliveries</th><th scope="col">Oldest</th></tr></thead><tbody>
    ${states.map((each) => html`<tr key=${each.state}><td><a href=${link("deliveries", "", { state: each.state })}>${each.state}</a></td>
      <td>${each.count}${each.more ? "+" : ""}</td><td><${When} at=${each.oldest} /></td></tr>`)}</tbody></table>`;
}

/** Numbers of GET /status as they are named there. */
function Numbers({ value }) {
  return html`<dl class="facts">${Object.entries(value).map(([name, each]) => html`<dt>${name.replaceAll("_", " ")}</dt>
    <dd>${each !== null && typeof each === "object" ? html`<${Numbers} value=${each} />` : short(each ?? "—", 200)}</dd>`)}</dl>`;
}

export default function Health() {
  const health = useLoaded(() => get("health"));
  const transports = useLoaded(() => all("transports"));
  const states = useLoaded(counted);
  const trouble = useLoaded(() => get("events", { actions: TROUBLE, app: "tocsin", limit: 15 }));
  const own = useLoaded(status);
  const again = () => [health, transports, states, trouble, own].forEach((each) => each.again());
  return html`<div class="head"><h1>Health</h1><button onClick=${again}>Refresh</button></div>
    <${Notice} problem=${health.problem || transports.problem || states.problem || trouble.problem || own.problem} />
    <div class="cards">
      <section class="card" aria-label="API"><h2>API</h2>${health.value && html`<p><${Badge} kind="good">${health.value.status || "ok"}</${Badge}> version ${health.value.version}</p>`}</section>
      <section class="card" aria-label="Breakers"><h2>Breakers</h2>${(transports.value || []).map((each) => html`<p key=${each.name}><a href=${link("transports", each.name)}>${short(each.name, 80)}</a> <${Breaker} name=${each.name} /></p>`)}</section>
      <section class="card" aria-label="Deliveries"><h2>Deliveries</h2>${states.value && html`<${Deliveries} states=${states.value} />`}</section>
      ${own.value && html`<section class="card" aria-label="Stack"><h2>Stack</h2><${Numbers} value=${own.value} /></section>`}
      <section class="card" aria-label="Latest troubles"><h2>Latest troubles</h2>
        ${trouble.value && !trouble.value.items.length && html`<p class="muted">None that Tocsin has told of.</p>`}
        <ul class="timeline">${((trouble.value && trouble.value.items) || []).map((each) => html`<li key=${each.id}><${When} at=${each.created} />
          <${Badge}>${each.action}</${Badge}> <a href=${link("events", "", { event: each.id })}>${short(each.summary || "", 160)}</a></li>`)}</ul></section>
    </div>`;
}
