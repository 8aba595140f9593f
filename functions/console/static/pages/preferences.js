/** How a person wants to be told: what reaches them and by what, when not, and what waits for a digest. Theirs to change. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, get } from "../api.js";
import { link, route } from "../router.js";
import { useLoaded } from "../parts/resources.js";
import { Elsewhere, Notice } from "../parts/notice.js";
import { useShown } from "../parts/shown.js";
import { Badge, short } from "../parts/text.js";
import { Digest, Mute, QuietHours, spoken, Transports } from "../parts/told_when.js";

const MINE = "users/me/preferences";
const SHOWN = ["time_zone", "locale", "quiet_hours", "digest"];

function Rules({ known, said, set }) {
  if (!known.length) return html`<p class="muted">No rule tells you of anything.</p>`;
  return html`<table class="stack"><thead><tr>${["Rule", "Severity", "Tells me by", "Because", ""].map((title) => html`<th scope="col">${title || html`<span class="unseen-text">Mute</span>`}</th>`)}</tr></thead>
    <tbody>${known.map((rule) => html`<tr key=${rule.name} id=${`rule-${rule.name}`} class=${route.value.query.rule === rule.name ? "chosen" : undefined}><td>${short(rule.name, 100)}</td><td data-label="Severity"><${Badge} kind=${rule.severity} /></td>
        <td data-label="By">${rule.transports.join(", ")}</td><td data-label="Because">${rule.because.group ? `you are in ${short(rule.because.group, 80)}` : "it is about you"}</td>
        <td><${Mute} rule=${rule} said=${said} set=${set} /></td></tr>`)}</tbody></table>`;
}

export default function Preferences() {
  const loaded = useLoaded(async () => {
    const [mine, options] = await Promise.all([ask("GET", MINE), get(`${MINE}/options`)]);
    return { said: mine.data, etag: mine.etag, options };
  });
  const [value, setValue] = useState(null);
  const [result, setResult] = useState({});
  useEffect(() => { if (loaded.value) setValue(loaded.value.said); }, [loaded.value]);
  const { rule, show } = route.value.query;
  useShown(value, rule ? `rule-${rule}` : show === "quiet-hours" && show);
  if (!value) return html`<div class="head"><h1>Preferences</h1></div><${Notice} problem=${loaded.problem} />${!loaded.problem && html`<p role="status" class="muted">Loading…</p>`}`;
  const { options } = loaded.value;
  const held = options.effective;
  const set = (part) => { setResult({}); setValue(spoken({ ...value, ...part })); };
  const save = async (event) => {
    event.preventDefault();
    try {
      await ask("PUT", MINE, { body: value, etag: loaded.value.etag });
      setResult({ done: "Saved. It is in force within ten seconds." });
      loaded.again();
    } catch (problem) { setResult({ problem }); }
  };
  const { problem } = result;
  return html`<div class="head"><h1>Preferences</h1><a href=${link("inbox")}>Inbox</a></div>
    <p class="muted">How you are told. What you leave open is as this stack's settings have it.</p>
    <${Notice} problem=${problem}>${result.done}</${Notice}>
    <form onSubmit=${save} aria-label="Preferences">
      <section class="card" aria-label="Transports"><h2>Transports</h2>
        <p class="small muted">"At once" passes your quiet hours and your digest.</p>
        <${Transports} known=${options.transports} said=${value.transports || {}} set=${(transports) => set({ transports })} /></section>
      <section class="card" aria-label="Quiet hours" id="quiet-hours"><h2>Quiet hours</h2>
        <${QuietHours} value=${value} held=${held} problem=${problem} set=${set} /></section>
      <section class="card" aria-label="Digest"><h2>Digest</h2><${Digest} value=${value} held=${held} problem=${problem} set=${set} /></section>
      <section class="card" aria-label="Rules"><h2>Rules</h2><${Rules} known=${options.rules} said=${value.rules || {}} set=${(rules) => set({ rules })} /></section>
      <${Elsewhere} problem=${problem} shown=${SHOWN} />
      <button class="primary">Save</button>
    </form>`;
}
