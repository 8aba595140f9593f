/** API keys: made and changed as a form, their secret shown once; rotated, and handed on by a link. */
import { useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, part } from "../api.js";
import { route } from "../router.js";
import { may } from "../session.js";
import { EntryEditor } from "../parts/editor.js";
import { KeyForm } from "../parts/key_form.js";
import { EntryTable, NewButton, useAll } from "../parts/resources.js";
import { Notice } from "../parts/notice.js";
import { Once } from "../parts/once.js";
import { short, When } from "../parts/text.js";

/** An address that signs in with a key, once; the secret that the key had before ends when it is used. */
function SignInLink({ link, close }) {
  const address = `${location.href.split(/[?#]/)[0]}#ticket=${link.ticket}`;
  return html`<${Once} secret=${address} close=${close} id="link">Whoever opens <b>this address</b> first signs in with ${short(link.name, 120)}, until <${When} at=${link.expires} />.
    The secret that the key has now ends then.</${Once}>`;
}

const BLANK = { scopes: ["events:write"] };
/** What the API shows of a key and does not take. */
const SHOWN_ONLY = ["name", "id", "last_used", "old_secret_until"];

function Overview() {
  const keys = useAll("keys");
  const [made, setMade] = useState(null);
  const [invited, setInvited] = useState(null);
  const [problem, setProblem] = useState(null);
  const show = (key) => { setMade(key); keys.again(); };
  const rotate = (name) => confirm(`Give ${name} a new secret?`) && ask("POST", `keys/${part(name)}/rotate`, { body: {} }).then((answer) => show(answer.data), setProblem);
  const invite = (name) => ask("POST", `keys/${part(name)}/ticket`, { body: {} }).then((answer) => setInvited({ name, ...answer.data }), setProblem);
  return html`<div class="head"><h1>Keys</h1><${NewButton} kind="keys" one="key" /></div>
    <${Notice} problem=${problem || keys.problem} />
    ${made && html`<${Once} secret=${made.key} close=${() => setMade(null)}><b>The secret of ${short(made.name, 120)}</b>, shown this once:</${Once}>`}
    ${invited && html`<${SignInLink} link=${invited} close=${() => setInvited(null)} />`}
    <${EntryTable} kind="keys" items=${keys.value} problem=${keys.problem} empty="No key beside the first one, which is in Secrets Manager."
      columns=${[["Scopes", (each) => each.scopes.join(", ")], ["User", (each) => short(each.user || "", 80)],
        ["Last used", (each) => html`<${When} at=${each.last_used} />`], ["Expires", (each) => html`<${When} at=${each.expires} />`],
        ["Actions", (each) => may("config:write") && html`<span class="inline"><button class="tiny" aria-label=${`Rotate ${each.name}`} onClick=${() => rotate(each.name)}>Rotate</button>
          <button class="tiny" aria-label=${`Sign-in link for ${each.name}`} onClick=${() => invite(each.name)}>Sign-in link</button></span>`]]} />`;
}

export default () => (route.value.name
  ? html`<${EntryEditor} key=${route.value.name} kind="keys" one="key" blank=${BLANK} left=${SHOWN_ONLY} form=${KeyForm} once="key" />`
  : html`<${Overview} />`);
