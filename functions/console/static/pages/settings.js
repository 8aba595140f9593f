/** The settings, as JSON that the API judges. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask } from "../api.js";
import { may } from "../session.js";
import { parsed } from "../parts/editor.js";
import { useLoaded } from "../parts/resources.js";
import { Notice } from "../parts/notice.js";

export default function Settings() {
  const loaded = useLoaded(() => ask("GET", "settings"));
  const [text, setText] = useState("");
  const [said, setSaid] = useState({});
  useEffect(() => { if (loaded.value) setText(JSON.stringify(loaded.value.data, null, 2)); }, [loaded.value]);
  const save = async (event) => {
    event.preventDefault();
    const { value, problem } = parsed(text);
    if (problem) { setSaid({ problem }); return; }
    try {
      await ask("PUT", "settings", { body: value, etag: loaded.value.etag });
      setSaid({ done: "Saved." });
      loaded.again();
    } catch (refused) { setSaid({ problem: refused }); }
  };
  return html`<div class="head"><h1>Settings</h1></div>
    <${Notice} problem=${loaded.problem || said.problem}>${said.done}</${Notice}>
    ${loaded.value && html`<form class="card" onSubmit=${save}>
      <label class="field"><span class="label">Settings as JSON</span>
        <textarea rows=${Math.min(30, text.split("\n").length + 2)} spellcheck="false" readonly=${!may("config:write")} value=${text} onInput=${(event) => setText(event.target.value)}></textarea></label>
      ${may("config:write") && html`<button class="primary">Save</button>`}</form>`}`;
}
