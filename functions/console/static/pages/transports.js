/** Transports: the breaker of each, its last deliveries and failures by reason, and a test that shows the real outcome. */
import { useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { all, ask, get, part } from "../api.js";
import { link, route } from "../router.js";
import { may, me } from "../session.js";
import { EntryEditor, EntryTable, NewButton, useAll, useLoaded } from "../parts/resources.js";
import { Notice } from "../parts/notice.js";
import { Attempts } from "../parts/story.js";
import { Badge, short, When } from "../parts/text.js";

const BLANK = { mode: "webhook", url: "https://example.com/hook" };
const LAST = 20;

/** The state of a transport's breaker, and a reset where it is open. */
export function Breaker({ name, withReset }) {
  const breaker = useLoaded(() => get(`transports/${part(name)}/breaker`), name);
  const [problem, setProblem] = useState(null);
  if (!may("events:read") || !breaker.value) return breaker.problem ? html`<${Badge}>unknown</${Badge}>` : null;
  const { state, failing_since: since, last_failure: reason, failures_in_a_row: failures } = breaker.value;
  const reset = () => ask("POST", `transports/${part(name)}/breaker/reset`).then(breaker.again, setProblem);
  return html`<span class="inline"><${Badge} kind=${state} />
    ${failures > 0 && html`<span class="small muted">${failures} failures${since ? html` since <${When} at=${since} />` : ""}${reason ? `: ${short(reason, 100)}` : ""}</span>`}
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

/** What a transport for another service begins as: its URL and options say what stands there. */
function begun({ name, url, options, send_once }) {
  const wanted = options.filter((option) => option.required);
  return {
    mode: "webhook", preset: name, send_once, ...(url.required && { url: url.example }),
    ...(wanted.length && { options: Object.fromEntries(wanted.map((option) => [option.name, option.says])) }),
  };
}

export default function Transports() {
  const { name } = route.value;
  const presets = useLoaded(async () => (name === "new" ? all("presets") : []), name);
  if (name) {
    const starts = (presets.value || []).map((preset) => ({ title: preset.title, entry: begun(preset) }));
    return html`<${EntryEditor} key=${name} kind="transports" one="transport" blank=${BLANK} left=${["name", "secrets_version"]} starts=${starts}>
      ${() => html`<div class="card"><h2>Breaker</h2><${Breaker} name=${name} withReset /></div>
        ${may("config:write") && html`<${Test} name=${name} />`}${may("events:read") && html`<${Failures} name=${name} />`}`}
    </${EntryEditor}>`;
  }
  return html`<${Overview} />`;
}

function Overview() {
  const transports = useAll("transports");
  return html`<div class="head"><h1>Transports</h1><${NewButton} kind="transports" one="transport" /></div>
    <${Notice} problem=${transports.problem} />
    <${EntryTable} kind="transports" items=${transports.value} empty="No transport yet: without one, rules tell by the inbox."
      columns=${[["Mode", (item) => item.mode], ["Enabled", (item) => (item.enabled ? "yes" : html`<${Badge} kind="warning">no</${Badge}>`)],
        ["To", (item) => short(item.url || "", 80)], ["Breaker", (item) => html`<${Breaker} name=${item.name} />`]]} />`;
}
