/** API keys: made here, their secret shown once; rotated and deleted. */
import { useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, part } from "../api.js";
import { may } from "../session.js";
import { useAll } from "../parts/resources.js";
import { Field, Notice } from "../parts/notice.js";
import { copy, short, When } from "../parts/text.js";

const SCOPES = ["events:write", "events:read", "events:erase", "config:read", "config:write", "notifications"];

function Secret({ made, close }) {
  return html`<div class="note good" role="status"><p><b>The secret of ${short(made.name, 120)}</b>, shown this once:</p>
    <pre data-testid="secret">${made.key}</pre>
    <div class="inline"><button onClick=${() => copy(made.key)}>Copy</button><button onClick=${close}>I have it</button></div></div>`;
}

/** An address that signs in with a key, once; the secret that the key had before ends when it is used. */
function SignInLink({ link, close }) {
  const address = `${location.href.split(/[?#]/)[0]}#ticket=${link.ticket}`;
  return html`<div class="note good" role="status"><p>Whoever opens <b>this address</b> first signs in with ${short(link.name, 120)}, until <${When} at=${link.expires} />.
      The secret that the key has now ends then.</p>
    <pre data-testid="link">${address}</pre>
    <div class="inline"><button onClick=${() => copy(address)}>Copy</button><button onClick=${close}>I have it</button></div></div>`;
}

function NewKey({ made }) {
  const [problem, setProblem] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const body = { name: form.get("name"), scopes: form.getAll("scopes") };
    if (form.get("user")) body.user = form.get("user");
    try {
      made((await ask("POST", "keys", { body })).data);
      setProblem(null);
      event.target.reset();
    } catch (refused) { setProblem(refused); }
  };
  return html`<details class="card"><summary>New key</summary><form onSubmit=${submit}>
    <${Notice} problem=${problem} />
    <div class="grid2"><${Field} label="Name" path="name" problem=${problem}><input name="name" required /></${Field}>
      <${Field} label="Stands for user" hint="Empty for a program" path="user" problem=${problem}><input name="user" /></${Field}></div>
    <fieldset class="inline"><legend class="label">Scopes</legend>${SCOPES.map((each) => html`<label class="check"><input type="checkbox" name="scopes" value=${each} /> ${each}</label>`)}</fieldset>
    <p></p><button class="primary">Make it</button></form></details>`;
}

export default function Keys() {
  const keys = useAll("keys");
  const [made, setMade] = useState(null);
  const [problem, setProblem] = useState(null);
  const show = (key) => { setMade(key); keys.again(); };
  const rotate = (name) => confirm(`Give ${name} a new secret?`) && ask("POST", `keys/${part(name)}/rotate`, { body: {} }).then((answer) => show(answer.data), setProblem);
  const [link, setLink] = useState(null);
  const invite = (name) => ask("POST", `keys/${part(name)}/ticket`, { body: {} }).then((answer) => setLink({ name, ...answer.data }), setProblem);
  const remove = (name) => confirm(`Delete the key ${name}?`) && ask("DELETE", `keys/${part(name)}`).then(keys.again, setProblem);
  return html`<div class="head"><h1>Keys</h1></div>
    <${Notice} problem=${problem || keys.problem} />
    ${made && html`<${Secret} made=${made} close=${() => setMade(null)} />`}
    ${link && html`<${SignInLink} link=${link} close=${() => setLink(null)} />`}
    ${may("config:write") && html`<${NewKey} made=${show} />`}
    ${keys.value && !keys.value.length && html`<p class="empty">No key beside the first one, which is in Secrets Manager.</p>`}
    ${keys.value && keys.value.length > 0 && html`<table class="stack"><thead><tr>${["Name", "Scopes", "User", "Last used", "Expires", "Actions"].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
      <tbody>${keys.value.map((each) => html`<tr key=${each.name}><td>${short(each.name, 120)}</td><td>${each.scopes.join(", ")}</td><td>${short(each.user || "", 80)}</td>
        <td><${When} at=${each.last_used} /></td><td><${When} at=${each.expires} /></td>
        <td>${may("config:write") && html`<span class="inline"><button class="tiny" aria-label=${`Rotate ${each.name}`} onClick=${() => rotate(each.name)}>Rotate</button>
          <button class="tiny" aria-label=${`Sign-in link for ${each.name}`} onClick=${() => invite(each.name)}>Sign-in link</button>
          <button class="tiny danger" aria-label=${`Delete ${each.name}`} onClick=${() => remove(each.name)}>Delete</button></span>`}</td></tr>`)}</tbody></table>`}`;
}
