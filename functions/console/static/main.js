/** The console: sign in, then the frame around the page that the address names. */
import { render } from "./vendor/preact.js";
import { useEffect } from "./vendor/preact-hooks.js";
import { signal } from "./vendor/signals.js";
import { html } from "./html.js";
import { get, Problem } from "./api.js";
import { credential, leave, me, signOut } from "./session.js";
import { startInbox, stopInbox, titled } from "./live.js";
import { Frame, titlePrefix } from "./frame.js";
import { SignIn, fromAddress } from "./signin.js";

const problem = signal(null);

/**
 * Ask who is signed in, once there is a key. One that is refused is forgotten; one that could not be asked about can be
 * given again. An answer about another key than the one of now is nobody's.
 */
async function enter() {
  const asked = credential.value;
  problem.value = null;
  try {
    const said = await get("me");
    if (credential.value !== asked) return;
    me.value = said;
    startInbox();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (credential.value !== asked) return;
    problem.value = error;
    if (error.status === 401) signOut(); else leave();
  }
}

function App() {
  const known = credential.value;
  useEffect(() => {
    if (known) enter(); else stopInbox();
  }, [known]);
  if (known && me.value) return html`<${Frame} />`;
  return html`<${SignIn} problem=${problem.value} checking=${Boolean(known) && !problem.value} />`;
}

await fromAddress().catch((error) => { problem.value = error; });
titled(titlePrefix);
render(html`<${App} />`, document.getElementById("app"));
