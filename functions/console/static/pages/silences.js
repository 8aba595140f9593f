/** Silences: make one from an event, a rule or a notification; see what it would have held; end it. */
import { useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, get, part } from "../api.js";
import { NEW, go, link, route } from "../router.js";
import { may } from "../session.js";
import { useAll } from "../parts/resources.js";
import { Field, Notice } from "../parts/notice.js";
import { Badge, short, When } from "../parts/text.js";

const FIELDS = { action: "Action", app: "App", client_ip: "Client IP or network", model: "Model", query: "Expression (CEL)" };
const HOURS = [1, 4, 24, 72, 168];

function NewSilence({ query }) {
  const [matcher, setMatcher] = useState(Object.fromEntries(Object.keys(FIELDS).map((name) => [name, query[name] || ""])));
  const [hours, setHours] = useState(4);
  const [comment, setComment] = useState("");
  const [said, setSaid] = useState({});
  const given = () => Object.fromEntries(Object.entries(matcher).filter(([, value]) => value));
  const preview = async () => {
    const { action, app, client_ip: clientIp, model = "", query: filter } = given();
    const dot = model.lastIndexOf(".");
    try {
      const since = new Date(Date.now() - 24 * 3600 * 1000).toISOString();
      const found = await get("events", { action, app, client_ip: clientIp, model_app: model.slice(0, Math.max(dot, 0)), model_name: model.slice(dot + 1), filter, since, limit: 1000 });
      setSaid({ held: `${found.items.length}${found.cursor ? " or more" : ""} events of the last 24 hours are like this.` });
    } catch (problem) { setSaid({ problem }); }
  };
  const save = async (event) => {
    event.preventDefault();
    try {
      const ends = new Date(Date.now() + hours * 3600 * 1000).toISOString();
      await ask("POST", "silences", { body: { ends, comment, matcher: given() } });
      go("silences");
    } catch (problem) { setSaid({ problem }); }
  };
  return html`<div class="head"><h1>New silence</h1><a href=${link("silences")}>All silences</a></div>
    <form class="card" onSubmit=${save}><p class="muted">Events that are like all of this tell nobody until it ends. They are still in the log.</p>
      <${Notice} problem=${said.problem}>${said.held}</${Notice}>
      <div class="grid2">${Object.entries(FIELDS).map(([name, label]) => html`<${Field} label=${label} path=${`matcher.${name}`} problem=${said.problem}>
        <input value=${matcher[name]} onInput=${(event) => setMatcher({ ...matcher, [name]: event.target.value })} /></${Field}>`)}
      <${Field} label="For" path="ends" problem=${said.problem}><select value=${hours} onChange=${(event) => setHours(Number(event.target.value))}>
        ${HOURS.map((each) => html`<option value=${each}>${each < 48 ? `${each} h` : `${each / 24} days`}</option>`)}</select></${Field}>
      <${Field} label="Comment" path="comment" problem=${said.problem}><input value=${comment} onInput=${(event) => setComment(event.target.value)} /></${Field}></div>
      <div class="inline"><button class="primary">Silence</button>${may("events:read") && html`<button type="button" onClick=${preview}>What would it have held?</button>`}</div></form>`;
}

const asked = (matcher) => Object.entries(matcher).filter(([, value]) => value).map(([name, value]) => `${name} = ${value}`).join(", ");
const said = (silence) => (silence.matcher ? `${asked(silence.matcher)}${silence.failure_result ? " (or it fails)" : ""}` : JSON.stringify(silence.pattern));

function Overview() {
  const silences = useAll("silences");
  const [problem, setProblem] = useState(null);
  const end = (name) => ask("DELETE", `silences/${part(name)}`).then(silences.again, setProblem);
  return html`<div class="head"><h1>Silences</h1>${may("config:write") && html`<a class="button" href=${link("silences", NEW)}>New silence</a>`}</div>
    <${Notice} problem=${problem || silences.problem} />
    ${silences.value && !silences.value.length && html`<p class="empty">Nothing is silenced.</p>`}
    ${silences.value && silences.value.length > 0 && html`<table class="stack"><thead><tr>${["State", "Events", "Until", "By", "Comment", ""].map((title) => html`<th scope="col">${title || html`<span class="unseen-text">End</span>`}</th>`)}</tr></thead>
      <tbody>${silences.value.map((each) => html`<tr key=${each.name}><td><${Badge} kind=${each.state} /></td><td>${short(said(each), 200)}</td>
        <td><${When} at=${each.ends} /></td><td>${short(each.by, 60)}</td><td>${short(each.comment, 200)}</td>
        <td>${may("config:write") && each.state !== "over" && html`<button class="tiny" aria-label=${`End ${each.name}`} onClick=${() => end(each.name)}>End</button>`}</td></tr>`)}</tbody></table>`}`;
}

export default function Silences() {
  const { name, query } = route.value;
  return name === NEW && may("config:write") ? html`<${NewSilence} query=${query} />` : html`<${Overview} />`;
}
