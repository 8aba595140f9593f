/** What events say, as text: nothing of it is ever markup. */
import { html } from "../html.js";

const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Control characters and marks that turn the direction of writing, shown as their code points. */
export const visible = (text) =>
  String(text).replace(CONTROLS, (mark) => `⟨U+${mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

/** The beginning of a text for a row; a title may be 64 KB. */
export const short = (text, most = 300) => {
  const shown = visible(String(text ?? "").slice(0, most));
  return String(text ?? "").length > most ? `${shown}…` : shown;
};

/** A link where `href` is http(s), else text. */
export function Link({ href, children }) {
  let url;
  try { url = new URL(href); } catch { url = null; }
  if (!url || !["http:", "https:"].includes(url.protocol)) return html`<span>${children || short(href)}</span>`;
  return html`<a href=${url.href} rel="noopener noreferrer nofollow" target="_blank">${children || short(href)}</a>`;
}

/** A notification in a line: in the words of its person, where it has them. */
export const Said = ({ item, most = 300 }) => (item.words
  ? html`<span lang=${item.words.locale}>${item.words.title && html`<b>${short(item.words.title, 120)}</b> `}${short(item.words.text, most)}</span>` : short(item.body, most));

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "2-digit" });

/** A time: today's by the clock, another day's with its date; the whole of it as a title. */
export function When({ at }) {
  if (!at) return html`<span>—</span>`;
  const moment = new Date(at);
  const today = moment.toDateString() === new Date().toDateString();
  return html`<time datetime=${at} title=${at}>${today ? "" : `${DAY.format(moment)} `}${CLOCK.format(moment)}</time>`;
}

export const Badge = ({ kind, children }) => html`<span class=${`badge ${kind || ""}`}>${children || kind}</span>`;

/** Copy a text; browsers refuse that where the page has no TLS, and then say nothing. */
export const copy = (text) => (navigator.clipboard ? navigator.clipboard.writeText(text) : Promise.resolve());
