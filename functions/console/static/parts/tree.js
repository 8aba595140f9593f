/** JSON as a tree: each value can be copied, and searched for or left out. */
import { html } from "../html.js";
import { copy, Link, visible } from "./text.js";

const MOST = 200;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The CEL expression for the place `path` of an event: `event.context["a-b"].c`. */
export const celOf = (path) =>
  path.reduce((before, key) => (typeof key === "string" && NAME.test(key) ? `${before}.${key}` : `${before}[${JSON.stringify(key)}]`), "event");

function Value({ value, path, narrow }) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const link = typeof value === "string" && /^https?:\/\//i.test(value);
  return html`<span class="value">${link ? html`<${Link} href=${value}>${visible(text)}</${Link}>` : visible(text)}</span>
    <span class="tools">
      <button class="tiny" aria-label=${`Copy ${path.at(-1)}`} onClick=${() => copy(text)}>copy</button>
      ${narrow && text.length < 300 && html`<button class="tiny" aria-label=${`Only events with this ${path.at(-1)}`} onClick=${() => narrow(path, value, true)}>only</button>
      <button class="tiny" aria-label=${`No events with this ${path.at(-1)}`} onClick=${() => narrow(path, value, false)}>not</button>`}
    </span>`;
}

/** @param {{value: unknown, path: (string|number)[], narrow?: (path: (string|number)[], value: unknown, only: boolean) => void}} properties */
export function Tree({ value, path, narrow }) {
  const entries = Array.isArray(value) ? value.map((each, position) => [position, each]) : Object.entries(value);
  if (!entries.length) return html`<span class="muted small">empty</span>`;
  return html`<ul class="tree">
    ${entries.slice(0, MOST).map(([key, each]) => html`<li key=${key}>
      ${each !== null && typeof each === "object"
        ? html`<details open=${path.length < 3}><summary><span class="key">${visible(key)}</span></summary>
            <${Tree} value=${each} path=${[...path, key]} narrow=${narrow} /></details>`
        : html`<span class="key">${visible(key)}: </span><${Value} value=${each} path=${[...path, key]} narrow=${narrow} />`}
    </li>`)}
    ${entries.length > MOST && html`<li class="muted">and ${entries.length - MOST} more</li>`}
  </ul>`;
}
