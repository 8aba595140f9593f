/** Exports: files of events that the stack writes; where the notification about one leads to. */
import { useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { all, ask, get, part } from "../api.js";
import { link, route } from "../router.js";
import { useLoaded } from "../parts/resources.js";
import { Notice } from "../parts/notice.js";
import { Badge, short, When } from "../parts/text.js";

const KINDS = { done: "good", failed: "failed" };
const which = (job) => Object.entries(job.filters).map(([name, value]) => `${name}=${value}`).join(", ") || "all events";

/** A link is made when it is asked for, since it ends within minutes. */
function Download({ job }) {
  const [problem, setProblem] = useState(null);
  const download = async () => {
    setProblem(null);
    try {
      const { link: address } = await get(`exports/${part(job.id)}`);
      if (!address) throw new Error("The file is no longer there: files are kept for a week.");
      location.assign(address);
    } catch (refused) { setProblem(refused); }
  };
  return html`${job.state === "done" && html`<button class="tiny" onClick=${download}>Download</button>`}<${Notice} problem=${problem} />`;
}

function Row({ job }) {
  return html`<tr><td data-label="Asked"><a href=${link("exports", job.id)}><${When} at=${job.created} /></a> by ${short(job.by, 80)}</td>
    <td data-label="State"><${Badge} kind=${KINDS[job.state] || ""}>${job.state}</${Badge}> ${short(job.error || "", 200)}</td>
    <td data-label="Events">${job.events.toLocaleString()}</td><td data-label="Which">${short(which(job), 200)}</td>
    <td data-label="File">${job.format} <${Download} job=${job} /></td></tr>`;
}

function New({ added }) {
  const [problem, setProblem] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    const given = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value));
    const { format, ...filters } = given;
    setProblem(null);
    try { await ask("POST", "exports", { body: { format, filters } }); added(); } catch (refused) { setProblem(refused); }
  };
  return html`<form class="inline" onSubmit=${submit} aria-label="New export">
    <label>App <input name="app" /></label><label>Action <input name="action" /></label><label>User <input name="username" /></label>
    <label>Since <input name="since" placeholder="2026-01-01T00:00:00Z" /></label>
    <label>Format <select name="format"><option>jsonl</option><option>csv</option></select></label>
    <button class="primary">Export</button></form><${Notice} problem=${problem} />`;
}

export default function Exports() {
  const { name } = route.value;
  const jobs = useLoaded(async () => (name ? [await get(`exports/${part(name)}`)] : all("exports")), name);
  return html`<div class="head"><h1>${name ? "Export" : "Exports"}</h1>${name && html`<a href=${link("exports")}>All exports</a>`}
      <button onClick=${jobs.again}>Refresh</button></div>
    <${Notice} problem=${jobs.problem} />${!name && html`<${New} added=${jobs.again} />`}
    ${jobs.value && !jobs.value.length && html`<p class="empty">No export yet.</p>`}
    ${jobs.value && jobs.value.length > 0 && html`<table class="stack"><thead><tr><th scope="col">Asked</th><th scope="col">State</th>
      <th scope="col">Events</th><th scope="col">Which</th><th scope="col">File</th></tr></thead>
      <tbody>${jobs.value.map((job) => html`<${Row} key=${job.id} job=${job} />`)}</tbody></table>`}`;
}
