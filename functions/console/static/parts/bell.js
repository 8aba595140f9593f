/** The bell with its count, the drawer that it opens, and toasts. */
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { signal } from "../vendor/signals.js";
import { html, Icon } from "../html.js";
import { acknowledge, connection, dismiss, hasInbox, looked, mark, markAll, notifications, toasts, unread } from "../live.js";
import { go, link } from "../router.js";
import { Acknowledge } from "./acknowledge.js";
import { Notice } from "./notice.js";
import { Badge, Said, short, When } from "./text.js";
import { useKeys } from "./keys.js";

const open = signal(false);
const IN_DRAWER = 30;

export function Bell() {
  useKeys({ b: () => { open.value = !open.value; }, Escape: () => { open.value = false; } });
  const count = unread.value;
  return html`<button class="plain bell" aria-expanded=${open.value} aria-controls="drawer" aria-busy=${!looked.value}
      aria-label=${count ? `Notifications, ${count} unseen` : "Notifications, none unseen"}
      onClick=${() => { open.value = !open.value; }}>
    <${Icon} name="bell" />${count > 0 && html`<span class="count" data-testid="unread">${count > 99 ? "99+" : count}</span>`}
  </button>`;
}

export function Drawer() {
  const box = useRef(null);
  const [problem, setProblem] = useState(null);
  const act = (what) => what().then(() => setProblem(null), setProblem);
  useEffect(() => { setProblem(null); if (open.value && box.current) box.current.focus(); }, [open.value]);
  if (!open.value || !hasInbox()) return null;
  const close = () => { open.value = false; };
  return html`<aside class="drawer" id="drawer" aria-label="Notifications" tabindex="-1" ref=${box}
      onKeyDown=${(event) => event.key === "Escape" && close()}>
    <header class="inline"><h2>Notifications</h2>
      ${connection.value === "lost" && html`<${Badge} kind="bad">not connected</${Badge}>`}
      <button class="tiny" disabled=${!unread.value} onClick=${() => act(markAll)}>Mark all seen</button>
      <a href=${link("inbox")} onClick=${close}>Whole inbox</a>
      <button class="plain" aria-label="Close" onClick=${close}><${Icon} name="close" /></button></header>
    <${Notice} problem=${problem} />
    ${notifications.value.length === 0 && html`<p class="empty">Nothing has come yet.</p>`}
    <ul>${notifications.value.slice(0, IN_DRAWER).map((item) => html`<li key=${item.id}>
      <div class="inline small"><${Badge} kind=${item.severity} /> <${When} at=${item.arrived} /> <span class="muted">${short(item.rule, 60)}</span>
        ${!item.seen && html`<button class="tiny" onClick=${() => act(() => mark([item.id], true))}>Seen</button>`}
        <${Acknowledge} item=${item} tiny=${true} /></div>
      <a href=${link("inbox", "", { n: item.id })} onClick=${close}><${Said} item=${item} most=${200} /></a></li>`)}</ul>
  </aside>`;
}

/** Open a toast's notification, which is seen then; where that can't be noted, it is shown as unseen. */
function show(item) {
  dismiss(item);
  mark([item.id], true).catch(() => {});
  go("inbox", "", { n: item.id });
}

/** Acknowledge from a toast, which is gone before it could say what went wrong: then the notification is opened. */
function seeTo(item) {
  dismiss(item);
  acknowledge(item).catch(() => go("inbox", "", { n: item.id }));
}

export function Toasts() {
  return html`<div class="toasts" role="log" aria-live="polite" aria-label="New notifications">
    ${toasts.value.map((item) => html`<div class=${`toast ${item.severity}`} key=${item.id} data-testid="toast">
      <div class="inline small"><${Badge} kind=${item.severity} /><span class="muted">${short(item.rule, 60)}</span></div>
      ${item.words && item.words.title && html`<b lang=${item.words.locale}>${short(item.words.title, 120)}</b>`}
      <div class="text">${short(item.words ? item.words.text : item.body)}</div>
      <div class="inline"><button class="tiny" onClick=${() => show(item)}>Open</button>
        ${item.can_acknowledge && html`<button class="tiny" onClick=${() => seeTo(item)}>Acknowledge</button>`}
        <button class="tiny" onClick=${() => dismiss(item)}>Dismiss</button></div>
    </div>`)}
  </div>`;
}
