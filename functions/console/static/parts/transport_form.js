/** A transport as a form: its mode, and what that mode has. */
import { html } from "../html.js";
import { all } from "../api.js";
import { Choice, Known, Long, members, Pairs, Text, Tick } from "./fields.js";
import { Elsewhere, wrongAt } from "./notice.js";
import { useLoaded } from "./resources.js";

const MODES = { local: "Inbox", webhook: "Webhook", webhook_slack: "Slack or Discord", email: "E-mail" };
const CERTIFICATES = ["ca", "client_certificate", "client_key"];
/** The members that each mode has. */
const OF = {
  local: ["body_mapping"],
  webhook: ["url", "preset", "options", "secret", "headers", "body_mapping", "headers_mapping", ...CERTIFICATES],
  webhook_slack: ["url", "bot_token", "channel", "username", "icon_url", "body_mapping", "ca"],
  email: ["subject_prefix", "html_template", "text_template"],
};
/** What stands for a secret that is stored; sent back, it means: as it is. */
const MASK = "*".repeat(20);

const some = (object, names) => Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)));

/** What a service wants to know beside the URL, a field each. */
function Options({ preset, value, edit, ...form }) {
  const of = members({ ...form, value: value.options || {}, edit: (options) => edit({ ...value, options }) });
  return preset.options.map((option) => html`<${Text} key=${option.name} ...${of(option.name, `${option.name}${option.required ? "" : " (optional)"}`, option.says)} path=${`options.${option.name}`} />`);
}

function Webhook({ of, presets, form }) {
  const { value, edit } = form;
  const preset = presets.find((each) => each.name === value.preset);
  const services = { "": "any other", ...Object.fromEntries(presets.map((each) => [each.name, each.title])) };
  const choose = (name) => {
    const { preset: _preset, options: _options, ...rest } = value;
    const chosen = presets.find((each) => each.name === name);
    if (!chosen) { edit(rest); return; }
    const { url: _url, ...other } = rest;
    edit({ ...other, preset: name, send_once: chosen.send_once, ...(chosen.url.required && { url: chosen.url.example }) });
  };
  return html`<div class="grid2"><${Choice} ...${of("preset", "Service")} options=${{ ...services, [value.preset || ""]: services[value.preset || ""] || value.preset }} set=${choose} />
      <${Text} ...${of("url", "URL", preset && !preset.url.required ? "Empty: the service's own" : "")} />
      ${preset && html`<${Options} preset=${preset} ...${form} />`}</div>
    ${value.secret !== MASK && html`<${Text} ...${of("secret", "Signing secret", "whsec_…, for Standard Webhooks; empty, one is made and shown once")} />`}
    <${Pairs} ...${of("headers", "Secret headers", "A receiver's credentials: they go in and never come out")} one="header" />
    <${Text} ...${of("headers_mapping", "Mapping of further headers")} list="known-mapping" />`;
}

/** @param {{value: object, edit: (value: object) => void, problem: Error | null, writable: boolean}} form */
export function TransportForm(form) {
  const { value, edit, problem } = form;
  const known = useLoaded(async () => {
    const [mappings, presets] = await Promise.all(["mappings", "presets"].map((kind) => all(kind)));
    return { mappings: mappings.map((each) => each.name), presets };
  });
  const { mappings, presets } = known.value || { mappings: [], presets: [] };
  const of = members(form);
  const mode = value.mode in OF ? value.mode : "local";
  const begin = (to) => edit({ ...some(value, ["enabled", "send_once", ...OF[to]]), mode: to });
  const has = (name) => OF[mode].includes(name);
  const certified = CERTIFICATES.some((name) => value[name] || wrongAt(problem, name).length);
  return html`<${Known} id="known-mapping" names=${mappings} />
    <${Choice} ...${of("mode", "Mode")} value=${mode} options=${MODES} set=${begin} />
    <div class="inline"><${Tick} ...${of("enabled", "Enabled")} value=${value.enabled !== false} />
      <${Tick} ...${of("send_once", "One message an event and rule, not one a person")} /></div>
    ${mode === "webhook" && html`<${Webhook} of=${of} presets=${presets} form=${form} />`}
    ${mode === "webhook_slack" && html`<div class="grid2"><${Text} ...${of("url", "URL", "Slack's or Discord's address for this, itself the secret; empty for a bot")} />
      <${Text} ...${of("bot_token", "Bot token", "xoxb-…, in place of a URL: one thread for what a rule tells of one thing; it goes in and never comes out")} />
      <${Text} ...${of("channel", "Channel", "Of the bot: its id, or #name")} />
      <${Text} ...${of("username", "Posts as")} /><${Text} ...${of("icon_url", "Picture")} /></div>`}
    ${mode === "email" && html`<${Text} ...${of("subject_prefix", "Each subject begins with")} />
      <${Long} ...${of("html_template", "HTML template", "Empty: Tocsin's own")} /><${Long} ...${of("text_template", "Text template", "Empty: Tocsin's own")} />`}
    ${has("body_mapping") && html`<${Text} ...${of("body_mapping", "Mapping of the body", "Empty: the usual one")} list="known-mapping" />`}
    ${has("ca") && html`<details open=${certified}><summary>Certificates</summary>
      <${Long} ...${of("ca", "Certificates that vouch for the endpoint", "PEM; in place of the public roots")} rows="3" />
      ${has("client_key") && html`<${Long} ...${of("client_certificate", "Certificate that is shown to the endpoint", "PEM")} rows="3" />
        <${Long} ...${of("client_key", "Its key", "PEM; it goes in and never comes out")} rows="3" />`}</details>`}
    <${Elsewhere} problem=${problem} shown=${["mode", ...OF[mode]]} />`;
}
