/** A secret that is shown once: when it was made, and never again. */
import { useEffect } from "../vendor/preact-hooks.js";
import { signal } from "../vendor/signals.js";
import { html } from "../html.js";
import { copy } from "./text.js";

/** What was made last, {of, secret}; null once whoever made it has it, or is elsewhere. */
export const made = signal(null);

/** `children` says what it is; `id` is for tests. */
export const Once = ({ secret, close, children, id = "secret" }) => html`<div class="note good" role="status"><p>${children}</p>
  <pre data-testid=${id}>${secret}</pre>
  <div class="inline"><button type="button" onClick=${() => copy(secret)}>Copy</button><button type="button" onClick=${close}>I have it</button></div></div>`;

/** The secret of the entry `of`, where one was just made. */
export function Made({ of, children }) {
  const forget = () => { made.value = null; };
  useEffect(() => forget, [of]);
  return made.value && made.value.of === of && html`<${Once} secret=${made.value.secret} close=${forget}>${children}</${Once}>`;
}
