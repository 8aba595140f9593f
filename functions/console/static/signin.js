/** Sign-in: with an API key, or by OpenID Connect (authorization code, PKCE) where the stack names an issuer. */
import { useEffect, useState } from "./vendor/preact-hooks.js";
import { html, Icon } from "./html.js";
import { address } from "./api.js";
import { use } from "./session.js";
import { Notice } from "./parts/notice.js";

const PENDING = "tocsin.oidc";

/** What the console is told of its stack: {version, files, oidc: {issuer, client_id} | null}. */
export async function settings() {
  const answer = await fetch(address("console/config.json"));
  if (!answer.ok) throw new Error(`The console's settings can't be read (status ${answer.status}).`);
  return answer.json();
}

/** Where the issuer sends people back to: this page, without query or fragment. */
const returnTo = () => location.href.split(/[?#]/)[0];

/** oauth4webapi and what the issuer says of itself. */
async function issuerOf(oidc) {
  const oauth = await import("./vendor/oauth4webapi.js");
  const issuer = new URL(oidc.issuer);
  // Only a local stack's issuer has no TLS; the template takes one with AllowHttp alone.
  const options = { [oauth.allowInsecureRequests]: issuer.protocol === "http:" };
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
  return { oauth, server, options, client: { client_id: oidc.client_id } };
}

/** Send the person to the issuer. What the answer is held to waits in sessionStorage. */
export async function askIssuer(oidc) {
  const { oauth, server } = await issuerOf(oidc);
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  sessionStorage.setItem(PENDING, JSON.stringify({ verifier, state, oidc, hash: location.hash }));
  const url = new URL(server.authorization_endpoint);
  const parameters = {
    client_id: oidc.client_id, redirect_uri: returnTo(), response_type: "code", scope: "openid profile",
    state, code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url);
}

/** Put `address` in place of the present one, and tell the router. */
function arriveAt(address) {
  history.replaceState(null, "", address);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The key that a ticket gives, to whoever brings it first. */
async function claimed(ticket) {
  const answer = await fetch(address("sign-in"), {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ ticket }), cache: "no-store",
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ? `${said.detail[0].toUpperCase()}${said.detail.slice(1)}.` : `The ticket can't be taken (status ${answer.status}).`);
  return said.key;
}

/** Sign in with what the address brings: a ticket, a key, or the issuer's answer. All leave the address at once. */
export async function fromAddress() {
  const brought = new URLSearchParams(location.hash.replace(/^#/, ""));
  const key = brought.get("key");
  const ticket = brought.get("ticket");
  if (key || ticket) {
    arriveAt(returnTo());
    use(key || await claimed(ticket));
    return;
  }
  const pending = JSON.parse(sessionStorage.getItem(PENDING) || "null");
  const answered = new URL(location.href);
  if (!pending || !answered.searchParams.has("state")) return;
  sessionStorage.removeItem(PENDING);
  arriveAt(returnTo() + pending.hash);
  const { oauth, server, client, options } = await issuerOf(pending.oidc);
  const refused = answered.searchParams.get("error");
  if (refused) throw new Error(`${new URL(pending.oidc.issuer).host} refuses to sign you in: ${answered.searchParams.get("error_description") || refused}`);
  const checked = oauth.validateAuthResponse(server, client, answered, pending.state);
  const response = await oauth.authorizationCodeGrantRequest(
    server, client, oauth.None(), checked, returnTo(), pending.verifier, options,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response);
  use(tokens.access_token);
}

export function SignIn({ problem, checking }) {
  const [oidc, setOidc] = useState(null);
  const [failed, setFailed] = useState(null);
  useEffect(() => { settings().then((known) => setOidc(known.oidc), setFailed); }, []);
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const key = String(form.get("key")).trim();
    if (key) use(key, form.has("keep"));
  };
  return html`<main class="signin">
    <h1 class="inline"><${Icon} name="bell" /> Tocsin</h1>
    <div class="card">
      <${Notice} problem=${problem || failed} />
      ${checking ? html`<p role="status">Signing in…</p>` : html`<form onSubmit=${submit}>
        <label class="field"><span class="label">API key</span>
          <input name="key" type="password" autocomplete="off" required autofocus /></label>
        <p><label class="check"><input type="checkbox" name="keep" /> Keep it until this tab is closed</label></p>
        <p class="small muted">Otherwise it is in memory only, and gone when the page is loaded anew.</p>
        <button class="primary">Sign in</button>
      </form>`}
      ${oidc && !checking && html`<hr /><button onClick=${() => askIssuer(oidc).catch(setFailed)}>
        Sign in with ${new URL(oidc.issuer).host}</button>`}
    </div>
  </main>`;
}
