/** A person's inbox, whole: filters, marks, and beside the list the event and its story. */
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { html, Icon } from "../html.js";
import { clearAll, connection, counts, mark, markAll, notifications, older, remove, unread } from "../live.js";
import { NEW, change, link, route } from "../router.js";
import { may } from "../session.js";
import { Acknowledge } from "../parts/acknowledge.js";
import { EventDetails } from "../parts/event.js";
import { List } from "../parts/list.js";
import { Notice } from "../parts/notice.js";
import { Badge, Link, Said, short, visible, When } from "../parts/text.js";

const Row = (item) => html`<span><${Badge} kind=${item.severity} /></span>
  <span class="body">${item.can_acknowledge && html`<${Badge} kind="warning">not acknowledged</${Badge}> `}<${Said} item=${item} /></span>
  <span class="small muted wide">${short(item.rule, 80)}</span>
  <span class="mono small"><${When} at=${item.arrived} /></span>`;

const through = (item, query) => (!query.unseen || !item.seen) && (!query.severity || item.severity === query.severity) && (!query.rule || item.rule === query.rule);

/** What is said in the person's language: title, sentence, what to do next, facts, and why they are told. */
function Worded({ words, rule }) {
  const at = words.locale;
  return html`${words.title && html`<h2 lang=${at}>${short(words.title, 200)}</h2>`}
    <p class="summary" lang=${at}>${visible(words.text)}</p>
    ${words.advice && html`<p lang=${at}>${words.advice} ${words.runbook && html`<${Link} href=${words.runbook} />`}</p>`}
    ${words.facts.length > 0 && html`<dl class="facts" lang=${at}>${words.facts.map((fact) => html`<dt>${short(fact.label, 100)}</dt><dd>${visible(fact.value)}</dd>`)}</dl>`}
    ${words.left_out > 0 && html`<p class="small muted">${words.left_out} more below.</p>`}
    <p class="small muted" lang=${at}>${words.why} <a href=${link("preferences", "", { rule })}>Mute, or set quiet hours</a></p>`;
}

function Notification({ item, act }) {
  const close = () => change({ n: undefined });
  return html`<section class="details" aria-label="Notification" tabindex="0">
    <header><div class="inline"><${Badge} kind=${item.severity} /><${When} at=${item.arrived} /></div>
      <button class="plain" aria-label="Close" onClick=${close}><${Icon} name="close" /></button></header>
    ${item.words ? html`<${Worded} words=${item.words} rule=${item.rule} />` : html`<p class="summary">${visible(item.body)}</p>`}
    ${item.hyperlink && html`<p><${Link} href=${item.hyperlink}>${item.hyperlink_label && short(item.hyperlink_label, 100)}</${Link}></p>`}
    <div class="inline">
      <${Acknowledge} item=${item} />
      <button onClick=${() => act(() => mark([item.id], !item.seen))}>${item.seen ? "Mark unseen" : "Mark seen"}</button>
      <button class="danger" onClick=${() => act(() => remove(item.id)).then(close)}>Delete</button>
      ${may("config:write") && html`<a class="button" href=${link("silences", NEW, { app: item.app, action: item.action })}>Silence</a>`}
    </div>
    <dl class="facts"><dt>Rule</dt><dd>${may("config:read") ? html`<a href=${link("rules", item.rule)}>${short(item.rule, 120)}</a>` : short(item.rule, 120)}</dd>
      <dt>Event</dt><dd>${item.event ? short(`${item.app} ${item.action}`, 200) : "is gone"}</dd></dl>
    ${item.event && may("events:read") && html`<${EventDetails} key=${`${item.event_id} ${Boolean(item.acknowledged)}`} id=${item.event_id} close=${close} />`}
  </section>`;
}

export default function Inbox() {
  const { query } = route.value;
  const [page, setPage] = useState({ cursor: undefined, busy: false });
  const [problem, setProblem] = useState(null);
  const filters = { unseen: query.unseen && "true", severity: query.severity, rule: query.rule };
  const asking = useRef(0);
  const load = async (cursor) => {
    if (cursor && page.busy) return;
    asking.current += 1;
    const mine = asking.current; // a page of other filters does not say where these go on
    setPage({ cursor, busy: true });
    try {
      const found = await older(cursor, filters);
      if (mine === asking.current) setPage({ cursor: found.cursor, busy: false });
    } catch (refused) {
      if (mine === asking.current) setPage({ cursor: null, busy: false, problem: refused });
    }
  };
  useEffect(() => { load(undefined); }, [query.unseen, query.severity, query.rule]);
  const act = (what) => what().then(() => setProblem(null), setProblem);
  const items = notifications.value.filter((item) => through(item, query));
  const chosen = items.find((item) => item.id === query.n) || notifications.value.find((item) => item.id === query.n);
  const choose = (item) => {
    change({ n: item.id }, { replace: Boolean(query.n) });
    if (!item.seen) act(() => mark([item.id], true));
  };
  return html`<div class="head"><h1>Inbox</h1><a href=${link("preferences")}>Preferences</a>
      <button aria-pressed=${Boolean(query.unseen)} onClick=${() => change({ unseen: query.unseen ? undefined : "1" })}>Unseen only</button>
      <select aria-label="Severity" value=${query.severity || ""} onChange=${(event) => change({ severity: event.target.value || undefined })}>
        <option value="">All severities</option>${["notice", "warning", "alert"].map((each) => html`<option value=${each}>${each}</option>`)}</select>
      <button disabled=${!unread.value} onClick=${() => act(markAll)}>Mark all seen</button>
      <button class="danger" disabled=${!notifications.value.length} onClick=${() => confirm("Clear the whole inbox?") && act(clearAll)}>Clear</button></div>
    <${Notice} problem=${problem || page.problem} />
    <div class=${chosen ? "split two inbox" : "split inbox"}>
      ${items.length ? html`<${List} label="Notifications, latest first" items=${items} chosen=${query.n} row=${Row} choose=${choose}
          rowClass=${(item) => (item.seen ? "" : "unseen")} atEnd=${() => page.cursor && load(page.cursor)} turn=${page.cursor} />`
        : !problem && !page.problem && html`<p class="empty">${page.busy ? "Loading…" : "Nothing here. What rules send to you by a local transport comes here."}</p>`}
      ${chosen && html`<${Notification} item=${chosen} act=${act} />`}
    </div>
    <div class="status-line" role="status">${unread.value} unseen of ${counts.value.total}; at most ${counts.value.limit} are kept${counts.value.dropped ? `, ${counts.value.dropped} older ones went` : ""}.
      <${Badge} kind=${connection.value === "lost" ? "bad" : ""}>${{ live: "live", polling: "asked every 3 s", lost: "not connected" }[connection.value]}</${Badge}></div>`;
}
