/** The settings as a form. */
import { html } from "../html.js";
import { all } from "../api.js";
import { Group, members, Names, replaced, Scopes, Text, Whole } from "./fields.js";
import { Elsewhere, wrongAt } from "./notice.js";
import { useLoaded } from "./resources.js";
import { short } from "./text.js";
import { Digest, Mute, QuietHours, spoken, Transports } from "./told_when.js";

const SHOWN = ["event_retention", "notification_retention", "seen_notification_retention", "inbox_limit", "brand", "secret_keys", "exempt_keys", "group_scopes"];
const TOLD = ["time_zone", "locale", "quiet_hours", "digest"].map((name) => `preferences_defaults.${name}`);
const NOBODY = { group: "", scopes: ["events:read"] };

/** What the groups in access tokens allow. */
function Grants({ path, label, hint, value, set, problem, writable }) {
  const grants = value || [];
  return html`<${Group} label=${label} hint=${hint}>
    <ul class="plain">${grants.map((grant, at) => {
      const change = (part) => set(replaced(grants, at, { ...grant, ...part }));
      return html`<li key=${at} class=${wrongAt(problem, `${path}[${at}]`).length ? "binding bad" : "binding"}>
        <${Text} label=${`Group ${at + 1}`} path=${`${path}[${at}].group`} problem=${problem} writable=${writable} value=${grant.group} set=${(group) => change({ group: group || "" })} />
        <${Scopes} label=${`Scopes of group ${at + 1}`} path=${`${path}[${at}].scopes`} problem=${problem} writable=${writable} value=${grant.scopes} set=${(scopes) => change({ scopes })} />
        ${writable && html`<button type="button" class="tiny" aria-label=${`Take group ${at + 1} out`} onClick=${() => set(replaced(grants, at, undefined))}>×</button>`}</li>`;
    })}</ul>
    ${writable && html`<div><button type="button" class="tiny" onClick=${() => set([...grants, NOBODY])}>Add a group</button></div>`}</${Group}>`;
}

/** Which rules tell nobody who does not ask for them; also of a rule that is gone, so that it can be taken out. */
function Rules({ known, said, set }) {
  const gone = Object.keys(said).filter((name) => !known.some((rule) => rule.name === name));
  const rules = [...known, ...gone.map((name) => ({ name, can_be_muted: true }))];
  if (!rules.length) return html`<p class="muted">No rule yet.</p>`;
  return html`<table class="stack"><thead><tr><th scope="col">Rule</th><th scope="col">Tells them</th></tr></thead>
    <tbody>${rules.map((rule) => html`<tr key=${rule.name}><td>${short(rule.name, 100)}</td>
      <td data-label="Tells them"><${Mute} rule=${rule} said=${said} whom="them" set=${set} /></td></tr>`)}</tbody></table>`;
}

/** How people are told who say nothing of it themselves. */
function Defaults({ path, value, set, problem, writable }) {
  const transports = useLoaded(() => all("transports"));
  const rules = useLoaded(() => all("rules"));
  const said = value || {};
  const change = (part) => set(spoken({ ...said, ...part }));
  const shared = { value: said, problem, set: change, at: `${path}.` };
  return html`<fieldset disabled=${!writable}><legend>How people are told who say nothing of it</legend>
    <${Transports} known=${transports.value || []} said=${said.transports || {}} whom="them" none="No transport yet." set=${(to) => change({ transports: to })} />
    <${Rules} known=${rules.value || []} said=${said.rules || {}} set=${(to) => change({ rules: to })} />
    <${QuietHours} ...${shared} /><span class="label">Digest</span><${Digest} ...${shared} /></fieldset>`;
}

/** @param {{value: object, edit: (value: object) => void, problem: Error | null, writable: boolean}} form */
export function SettingsForm(form) {
  const of = members(form);
  return html`<div class="grid2"><${Text} ...${of("event_retention", "Events are kept", "days=365, weeks=4, …; an event may say otherwise")} />
      <${Text} ...${of("notification_retention", "Inbox and stories are kept", "days=30, …")} />
      <${Text} ...${of("seen_notification_retention", "What was seen stays in the inbox", "days=2, …; empty, as long as what was not")} />
      <${Whole} ...${of("inbox_limit", "An inbox holds at most", "The oldest go first")} />
      <${Text} ...${of("brand", "Brand", "Of events that name none")} /></div>
    <${Names} ...${of("secret_keys", "Keys whose values are masked, too", "In events, beside password, token and the like")} one="secret key" />
    <${Names} ...${of("exempt_keys", "Keys whose values stay readable", "Although they sound secret")} one="readable key" />
    <${Grants} ...${of("group_scopes", "What access tokens allow", "By the groups that the token's issuer puts into it")} />
    <${Defaults} ...${of("preferences_defaults")} />
    <${Elsewhere} problem=${form.problem} shown=${[...SHOWN, ...TOLD]} />`;
}
