/** The whole configuration as YAML: read it, paste or drop another, see the difference, apply it. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask } from "../api.js";
import { may } from "../session.js";
import { useLoaded } from "../parts/resources.js";
import { Notice } from "../parts/notice.js";
import { Tree } from "../parts/tree.js";
import { short } from "../parts/text.js";

const YAML = "application/yaml";

/** One change of a dry run, in a line. */
const told = (change) => Object.entries(change).map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");

export default function Blueprint() {
  const loaded = useLoaded(() => ask("GET", "blueprint", { accept: YAML }));
  const [text, setText] = useState("");
  const [said, setSaid] = useState({});
  useEffect(() => { if (loaded.value) setText(loaded.value.data); }, [loaded.value]);
  const put = async (dryRun) => {
    setSaid({});
    try {
      const { data } = await ask("PUT", "blueprint", { text, type: YAML, query: dryRun ? { dry_run: "true" } : {}, etag: loaded.value.etag });
      setSaid(dryRun ? { preview: data, of: text } : { done: data });
      if (!dryRun) loaded.again();
    } catch (problem) { setSaid({ problem }); }
  };
  const drop = async (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) setText(await file.text());
  };
  const previewed = said.preview && said.of === text;
  return html`<div class="head"><h1>Blueprint</h1></div>
    <${Notice} problem=${loaded.problem || said.problem}>${said.done && `Applied: ${said.done.changes.length} changes.`}</${Notice}>
    ${said.done && said.done.created && Object.keys(said.done.created).length > 0 && html`<div class="card"><h2>Made, and shown this once</h2><${Tree} value=${said.done.created} path=${["created"]} /></div>`}
    ${previewed && html`<section class="card" aria-label="Difference"><h2>Difference</h2>
      ${said.preview.changes.length ? html`<ul>${said.preview.changes.map((change) => html`<li>${short(told(change), 400)}</li>`)}</ul>` : html`<p>Nothing would change.</p>`}</section>`}
    <div class="card"><label class="field"><span class="label">All configuration as YAML</span>
      <textarea rows="28" spellcheck="false" readonly=${!may("config:write")} value=${text} onInput=${(event) => setText(event.target.value)}
        onDrop=${drop} onDragOver=${(event) => event.preventDefault()}></textarea>
      <span class="small muted">Paste or drop another. What is not in it is deleted when it is applied.</span></label>
      ${may("config:write") && html`<div class="inline"><button onClick=${() => put(true)}>Show the difference</button>
        <button class="primary" disabled=${!previewed || !said.preview.changes.length} onClick=${() => put(false)}>Apply</button></div>`}</div>`;
}
