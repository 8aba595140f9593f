/** `html`: markup of Preact as a tagged template, so that no build step is needed. */
import { h } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export const html = htm.bind(h);

/** One of the icons of icons.svg. It is decoration: say what it means beside it. */
export function Icon({ name }) {
  const href = `${new URL("./icons.svg", import.meta.url).href}#${name}`;
  return html`<svg class="icon" aria-hidden="true"><use href=${href} /></svg>`;
}
