/** Transports: the breaker of each, its last deliveries and failures by reason, and a test that shows the real outcome. */
import { useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, get, part } from "../api.js";
import { link, route } from "../router.js";
import { may, me } from "../session.js";
import { EntryEditor } from "../parts/editor.js";
import { EntryTable, NewButton, useAll, useLoaded } from "../parts/resources.js";
import { Notice } from "../parts/notice.js";
import { Once } from "../parts/once.js";
import { Attempts } from "../parts/story.js";
import { TransportForm } from "../parts/transport_form.js";
import { Badge, short, When } from "../parts/text.js";

const BLANK = { mode: "webhook", url: "https://example.com/hook" };
const LAST = 20;

/** The state of a transport's breaker, and a reset where it is open. */
export function Breaker({ name, withReset }) {
  const breaker = useLoaded(() => (may("events:read") ? get(`transports/${part(name)}/breaker`) : Promise.resolve(null)), name);
  const [problem, setProblem] = useState(null);
  if (!may("events:read") || !breaker.value) return breaker.problem ? html`<${Badge}>unknown</${Badge}>` : null;
  const { state, failing_since: since, last_failure: reason, failures_in_a_row: failures } = breaker.value;
  const reset = () => ask("POST", `transports/${part(name)}/breaker/reset`).then(breaker.again, setProblem);
  return html`<span class="inline"><${Badge} kind=${state} />
    ${failures > 0 && html`<span class="small muted">${failures} failures${since ? html` since <${When} at=${since} />` : ""}${reason ? `: ${short(reason, 100)}` : ""}</span>`}
    ${state === "disabled" && !failures && reason && html`<span class="small muted">${short(reason, 100)}</span>`}
    ${withReset && state !== "closed" && may("config:write") && html`<button class="tiny" onClick=${reset}>Reset</button>`}
    <${Notice} problem=${problem} /></span>`;
}

function Test({ name }) {
  const [user, setUser] = useState(me.value.user || "");
  const [said, setSaid] = useState({});
  const test = async (event) => {
    event.preventDefault();
    setSaid({ busy: true });
    try {
      setSaid({ delivery: (await ask("POST", `transports/${part(name)}/test`, { query: { user } })).data });
    } catch (problem) { setSaid({ problem }); }
  };
  return html`<section class="card" aria-label="Test"><h2>Test</h2>
    <form class="inline" onSubmit=${test}><label>To user <input value=${user} onInput=${(event) => setUser(event.target.value)} /></label>
      <button disabled=${said.busy}>Send a test</button></form>
    <${Notice} problem=${said.problem} />
    <div role="status">${said.busy && "Sending…"}${said.delivery && html`<p class="inline">The test is <${Badge} kind=${said.delivery.state} /></p><${Attempts} attempts=${said.delivery.attempts || []} />`}</div>
  </section>`;
}

/** A secret as receivers of Standard Webhooks take it: 32 random bytes. */
const newSecret = () => `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))}`;

/** Another signing secret in the place of the one that nobody can read; it is shown this once. */
function Secret({ transport, changed }) {
  const [given, setGiven] = useState("");
  const [said, setSaid] = useState({});
  const rotate = async (event) => {
    event.preventDefault();
    const secret = given.trim() || newSecret();
    try {
      const now = await ask("GET", `transports/${part(transport.name)}`);
      const { name: _name, secrets_version: _version, ...entry } = now.data;
      const body = Object.fromEntries(Object.entries({ ...entry, secret }).filter(([, value]) => value !== null));
      await ask("PUT", `transports/${part(transport.name)}`, { body, etag: now.etag });
      setSaid({ secret });
      setGiven("");
      changed();
    } catch (problem) { setSaid({ problem }); }
  };
  return html`<section class="card" aria-label="Secret"><h2>Secret</h2>
    <p class="muted">It signs each message, and can't be read. For 24 hours after a rotation messages carry a signature by each.</p>
    <${Notice} problem=${said.problem} />
    ${said.secret && html`<${Once} secret=${said.secret} close=${() => setSaid({})}><b>The new secret</b>, shown this once: give it to the receiver.</${Once}>`}
    ${!said.secret && html`<form class="inline" onSubmit=${rotate}><label>A secret of your own <input type="password" autocomplete="off" placeholder="empty: one is made" value=${given} onInput=${(event) => setGiven(event.target.value)} /></label>
      <button>Rotate</button></form>`}</section>`;
}

/** The transport's last deliveries, whatever became of them. */
function Last({ name }) {
  const last = useLoaded(() => get("deliveries", { transport: name, limit: LAST }), name);
  const items = (last.value && last.value.items) || [];
  return html`<section class="card" aria-label="Last deliveries"><h2>Last deliveries</h2><${Notice} problem=${last.problem} />
    ${last.value && !items.length && html`<p class="muted">None yet.</p>`}
    <ul class="timeline">${items.map((each) => html`<li key=${each.id} class=${each.state}><${When} at=${each.updated} /> <${Badge} kind=${each.state} />
      <a href=${link("deliveries", "", { state: each.state, transport: name, d: each.id })}>${each.user ? `to ${short(each.user, 60)}` : "to nobody in particular"}</a>
      <span class="small muted"> ${short((each.attempts || []).at(-1)?.reason || "", 100)}</span></li>`)}</ul></section>`;
}

/** The last failures, counted by reason. */
function Failures({ name }) {
  const failed = useLoaded(() => get("deliveries", { state: "failed", transport: name, limit: 200 }), name);
  if (!failed.value || !failed.value.items.length) return null;
  const reasons = new Map();
  for (const item of failed.value.items) {
    const reason = (item.attempts || []).at(-1)?.reason || "unknown";
    reasons.set(reason, (reasons.get(reason) || 0) + 1);
  }
  return html`<section class="card" aria-label="Failures"><h2>Failed deliveries by reason</h2>
    <dl class="facts">${[...reasons].sort((a, b) => b[1] - a[1]).slice(0, LAST).map(([reason, count]) => html`<dt>${count}</dt><dd>${short(reason, 200)}</dd>`)}</dl>
    <a href=${link("deliveries", "", { state: "failed", transport: name })}>These deliveries</a></section>`;
}

export default function Transports() {
  const { name } = route.value;
  if (name) {
    return html`<${EntryEditor} key=${name} kind="transports" one="transport" blank=${BLANK} left=${["name", "secrets_version"]} form=${TransportForm} once="secret">
      ${(transport, again) => html`<section class="card" aria-label="Breaker"><h2>Breaker</h2><${Breaker} name=${name} withReset /></section>
        ${may("config:write") && html`<${Test} name=${name} />`}
        ${may("config:write") && transport.mode === "webhook" && transport.secret && html`<${Secret} transport=${transport} changed=${again} />`}
        ${may("events:read") && html`<${Failures} name=${name} /><${Last} name=${name} />`}`}
    </${EntryEditor}>`;
  }
  return html`<${Overview} />`;
}

function Overview() {
  const transports = useAll("transports");
  return html`<div class="head"><h1>Transports</h1><${NewButton} kind="transports" one="transport" /></div>
    <${Notice} problem=${transports.problem} />
    <${EntryTable} kind="transports" items=${transports.value} problem=${transports.problem} empty="No transport yet: without one, rules tell by the inbox."
      columns=${[["Mode", (item) => item.mode], ["Enabled", (item) => (item.enabled ? "yes" : html`<${Badge} kind="warning">no</${Badge}>`)],
        ["To", (item) => short(item.channel || item.url || "", 80)], ["Breaker", (item) => html`<${Breaker} name=${item.name} />`]]} />`;
}
