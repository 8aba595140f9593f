/** The frame: title bar, navigation, the page, and what lies above it (drawer, toasts, help). */
import { useEffect, useState } from "./vendor/preact-hooks.js";
import { signal } from "./vendor/signals.js";
import { html, Icon } from "./html.js";
import { link, route } from "./router.js";
import { may, me, signOut } from "./session.js";
import { hasInbox } from "./live.js";
import { Bell, Drawer, Toasts } from "./parts/bell.js";
import { Help } from "./parts/help.js";
import { Notice } from "./parts/notice.js";

/** Pages: who may see one, and the module that is loaded when it is asked for first. */
export const PAGES = [
  { page: "events", title: "Events", scopes: ["events:read"], load: () => import("./pages/events.js") },
  { page: "inbox", title: "Inbox", scopes: ["notifications"], person: true, load: () => import("./pages/inbox.js") },
  { page: "preferences", title: "Inbox", scopes: ["notifications"], person: true, hidden: true, load: () => import("./pages/preferences.js") },
  { page: "rules", title: "Rules", scopes: ["config:read"], load: () => import("./pages/rules.js") },
  { page: "policies", title: "Rules", scopes: ["config:read"], hidden: true, load: () => import("./pages/rules.js") },
  { page: "transports", title: "Transports", scopes: ["config:read"], load: () => import("./pages/transports.js") },
  { page: "deliveries", title: "Deliveries", scopes: ["events:read"], load: () => import("./pages/deliveries.js") },
  { page: "exports", title: "Exports", scopes: ["events:read"], load: () => import("./pages/exports.js") },
  { page: "silences", title: "Silences", scopes: ["config:read"], load: () => import("./pages/silences.js") },
  { page: "people", title: "People and groups", scopes: ["config:read"], load: () => import("./pages/people.js") },
  { page: "users", title: "People and groups", scopes: ["config:read"], hidden: true, load: () => import("./pages/people.js") },
  { page: "groups", title: "People and groups", scopes: ["config:read"], hidden: true, load: () => import("./pages/people.js") },
  { page: "mappings", title: "Mappings", scopes: ["config:read"], load: () => import("./pages/mappings.js") },
  { page: "keys", title: "Keys", scopes: ["config:read"], load: () => import("./pages/keys.js") },
  { page: "settings", title: "Settings", scopes: ["config:read"], load: () => import("./pages/settings.js") },
  { page: "blueprint", title: "Blueprint", scopes: ["config:read"], load: () => import("./pages/blueprint.js") },
  { page: "health", title: "Health", scopes: ["config:read"], load: () => import("./pages/health.js") },
];

const PRELOAD_MS = 3000;
const offered = () => PAGES.filter((each) => may(...each.scopes) && (!each.person || hasInbox()));
export const titlePrefix = signal("");

function Navigation({ current, open }) {
  return html`<nav class=${open ? "nav open" : "nav"} aria-label="Pages">
    ${offered().filter((each) => !each.hidden).map((each) => html`<a href=${link(each.page)} aria-current=${current && each.title === current.title ? "page" : undefined}>
      <${Icon} name=${each.page} />${each.title}</a>`)}
  </nav>`;
}

/** The pauses after which a module that could not be loaded is asked for again. */
const AGAIN_MS = [500, 2000];

/** The page's module, loaded once. One that can't be loaded is asked for again, then told: a newer console has other files. */
function Page({ entry }) {
  const [loaded, setLoaded] = useState({});
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let here = true;
    let timer;
    const load = (tries) => entry.load().then(
      (module) => here && setLoaded({ entry, Component: module.default }),
      () => {
        if (here && tries < AGAIN_MS.length) timer = setTimeout(() => load(tries + 1), AGAIN_MS[tries]);
        else if (here) setLoaded({ entry, problem: new Error("This page can't be loaded. If there is a newer console, load it anew.") });
      },
    );
    load(0);
    return () => { here = false; clearTimeout(timer); };
  }, [entry, turn]);
  if (loaded.entry !== entry) return html`<p class="muted" role="status">Loading…</p>`;
  if (loaded.problem) return html`<${Notice} problem=${loaded.problem} /><div class="inline"><button onClick=${() => { setLoaded({}); setTurn(turn + 1); }}>Try again</button>
    <button onClick=${() => location.reload()}>Load the console anew</button></div>`;
  return html`<${loaded.Component} key=${entry.page} />`;
}

export function Frame() {
  const [open, setOpen] = useState(false);
  const pages = offered();
  const shown = pages.filter((each) => !each.hidden);
  const { page } = route.value;
  const entry = pages.find((each) => each.page === page) || (page ? null : shown[0]);
  useEffect(() => { setOpen(false); }, [page]);
  useEffect(() => { titlePrefix.value = entry ? entry.title : ""; }, [entry]);
  useEffect(() => {
    // Once the first page is there: whoever loses the network can still go to the others.
    const timer = setTimeout(() => pages.forEach((each) => each.load().catch(() => {})), PRELOAD_MS);
    return () => clearTimeout(timer);
  }, []);
  const who = me.value.person || me.value.user || me.value.name;
  const fixed = entry && ["events", "inbox", "deliveries"].includes(entry.page);
  return html`<div class="frame">
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>To the page</a>
    <header class="bar">
      <button class="plain menu-button" aria-label="Pages" aria-expanded=${open} onClick=${() => setOpen(!open)}><${Icon} name="menu" /></button>
      <a class="brand" href=${link(shown.length ? shown[0].page : "")}>Tocsin</a>
      <span class="grow"></span>
      ${hasInbox() && html`<${Bell} />`}
      <span class="muted small wide">${who}</span>
      <button class="plain" onClick=${signOut}>Sign out</button>
    </header>
    <${Navigation} current=${entry} open=${open} />
    <main id="main" class=${fixed ? "main fixed" : "main"} tabindex="-1">
      ${entry ? html`<${Page} entry=${entry} />` : html`<h1>Nothing to see here</h1>
        <p>${pages.length ? "There is no such page, or your key may not see it." : "Your key may see none of the pages: it needs events:read, config:read or notifications."}</p>`}
    </main>
    <${Drawer} /><${Toasts} /><${Help} />
  </div>`;
}
