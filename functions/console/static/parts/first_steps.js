/** What to do first on a fresh stack, in place of empty tables: until somebody is in the group of the default rules. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, get, part } from "../api.js";
import { link } from "../router.js";
import { may, me } from "../session.js";
import { Field, Notice } from "./notice.js";

/** The group that the default rules tell. */
const GROUP = "admins";

/** Whether the default rules tell nobody yet; false where that can't be known. */
async function tellsNobody() {
  try {
    return (await get(`groups/${GROUP}/members`, { limit: 1 })).items.length === 0;
  } catch { return false; }
}

function PutMyselfIn({ done }) {
  const [problem, setProblem] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const name = form.get("username");
    try {
      const exists = await ask("GET", `users/${part(name)}`).then(() => true, (refused) => { if (refused.status === 404) return false; throw refused; });
      if (!exists) await ask("PUT", `users/${part(name)}`, { body: { email: form.get("email") } });
      await ask("PUT", `groups/${GROUP}/members/${part(name)}`);
      done(name);
    } catch (refused) { setProblem(refused); }
  };
  return html`<form onSubmit=${submit}><${Notice} problem=${problem} />
    <div class="grid2"><${Field} label="Your username"><input name="username" required value=${me.value.user || me.value.person || ""} /></${Field}>
      <${Field} label="Your e-mail address" path="email" problem=${problem}><input name="email" type="email" /></${Field}></div>
    <button class="primary">Put me into ${GROUP}</button></form>`;
}

export function FirstSteps() {
  const [state, setState] = useState({ needed: false, name: "" });
  const able = may("config:read", "config:write");
  useEffect(() => { if (able) tellsNobody().then((needed) => setState({ needed, name: "" })); }, [able]);
  if (!state.needed) return null;
  return html`<section class="card" aria-label="First steps"><h2>First steps</h2>
    <p>This stack takes events, and its rules tell nobody yet.</p>
    <ol>
      <li><b>Put yourself into ${GROUP}</b>, whom the default rules tell.
        ${state.name ? html`<p role="status">${state.name} is in ${GROUP}.</p>` : html`<${PutMyselfIn} done=${(name) => setState({ needed: true, name })} />`}</li>
      <li><b>Set the mail sender</b>: deploy with the parameter <code>MailSender</code>, an address that SES has verified. Without it, the inbox works and e-mail fails.</li>
      <li><b>Send a test</b> by one of the <a href=${link("transports")}>transports</a>; it shows the real outcome.</li>
      ${!me.value.user && html`<li><b>Make a key that stands for you</b> under <a href=${link("keys")}>Keys</a>, and sign in with it: the inbox is a person's.</li>`}
    </ol></section>`;
}
