/** The log: filters in the address, volume, a windowed list, and beside it an event with its story. */
import { useEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { get } from "../api.js";
import { follow } from "../live.js";
import { change, route } from "../router.js";
import { FirstSteps } from "../parts/first_steps.js";
import { List } from "../parts/list.js";
import { useKeys } from "../parts/keys.js";
import { Notice } from "../parts/notice.js";
import { celOf } from "../parts/tree.js";
import { short, When } from "../parts/text.js";
import { Volume } from "../parts/volume.js";
import { EventDetails } from "../parts/event.js";

const FILTERS = {
  action: "Action", app: "App", username: "User", user_pk: "User's pk", client_ip: "Client IP", model_name: "Model", model_pk: "Model's pk",
  brand: "Brand", search: "Text", filter: "CEL", since: "Since", until: "Until",
  actions: "Actions", model_app: "Model's app", authorized_application: "Authorized application",
};
const NARROWING = { action: "action", app: "app", client_ip: "client_ip", brand: "brand", "user.username": "username" };
const PAGE = 100;

const filtersOf = (query) => Object.fromEntries(Object.entries(query).filter(([name]) => Object.hasOwn(FILTERS, name)));

/** The events that the filters let through, page by page. */
function useEvents(filters) {
  const asked = JSON.stringify(filters);
  const [state, setState] = useState({ items: [], cursor: null, busy: true });
  const current = useRef(null);
  /** What comes live while the first page is asked for: it need not be on it. */
  const come = useRef(null);
  const load = async (cursor) => {
    if (current.current) current.current.abort();
    const aborter = new AbortController();
    current.current = aborter;
    if (!cursor) come.current = [];
    setState((before) => ({ ...before, busy: true, problem: null }));
    try {
      const page = await get("events", { ...JSON.parse(asked), limit: PAGE, cursor }, aborter.signal);
      const meanwhile = come.current || [];
      come.current = null;
      setState((before) => ({
        items: cursor ? merged(before.items, page.items) : merged(meanwhile, page.items),
        cursor: page.cursor, scanned: (cursor ? before.scanned || 0 : 0) + page.scanned,
        until: page.scanned_until, failed: page.filter_failed, unindexed: page.unindexed, busy: false,
      }));
    } catch (problem) {
      if (problem.name !== "AbortError") setState((before) => ({ ...before, items: cursor ? before.items : [], busy: false, problem }));
    }
  };
  useEffect(() => { load(); return () => current.current && current.current.abort(); }, [asked]);
  return {
    ...state,
    more: () => !state.busy && state.cursor && load(state.cursor),
    add: (events) => {
      if (come.current) come.current = merged(events, come.current);
      setState((before) => ({ ...before, items: merged(events, before.items) }));
    },
    again: () => load(),
  };
}

/** Two lists, newest first, each event once. */
function merged(newer, older) {
  const seen = new Set(newer.map((event) => event.id));
  return [...newer, ...older.filter((event) => !seen.has(event.id))];
}

/** Follow the log while `live`: what is new goes on top. What came too fast for the WebSocket is asked for, once. */
function useFollowing(live, filters, add) {
  const [skipped, setSkipped] = useState(0);
  const [problem, setProblem] = useState(null);
  const asked = JSON.stringify(filters);
  useEffect(() => {
    setSkipped(0);
    setProblem(null);
    if (!live) return undefined;
    let here = true; // an answer to other filters is not shown under these
    const { since: _since, until: _until, ...rest } = JSON.parse(asked);
    const look = () => get("events", { ...rest, limit: PAGE }).then((page) => {
      if (!here) return;
      add(page.items);
      setProblem(null);
    }, (refused) => here && setProblem(refused));
    const end = follow(rest, (events, left) => {
      add([...events].reverse());
      setSkipped((before) => before + left);
      if (left) look();
    }, look);
    return () => { here = false; end(); };
  }, [live, asked]);
  return { skipped, problem };
}

function SearchForm({ query }) {
  const box = useRef(null);
  const [kind, setKind] = useState("search");
  const [text, setText] = useState("");
  useKeys({ "/": () => box.current.focus() });
  const submit = (event) => {
    event.preventDefault();
    if (text.trim()) change({ [kind]: text.trim(), event: undefined });
    setText("");
  };
  const placeholder = kind === "filter" ? 'event.context.count > 3' : kind === "search" ? "Words of the event" : FILTERS[kind];
  return html`<form class="inline" role="search" onSubmit=${submit}>
    <select aria-label="Filter by" value=${kind} onChange=${(event) => setKind(event.target.value)}>
      ${["search", "filter", ...Object.keys(FILTERS).filter((name) => name !== "search" && name !== "filter")].map(
        (name) => html`<option value=${name}>${FILTERS[name]}</option>`)}
    </select>
    <input ref=${box} type="search" aria-label=${FILTERS[kind]} placeholder=${placeholder} value=${text}
      onInput=${(event) => setText(event.target.value)} size="28" />
    <button>Search</button>
  </form>`;
}

function Chips({ filters }) {
  const names = Object.keys(filters);
  if (!names.length) return null;
  return html`<ul class="chips" aria-label="Filters">
    ${names.map((name) => html`<li class="chip" key=${name}><span><b>${FILTERS[name]}</b> ${short(filters[name], 120)}</span>
      <button aria-label=${`Without ${FILTERS[name]}`} onClick=${() => change({ [name]: undefined })}>×</button></li>`)}
  </ul>`;
}

/** Filter by a value of an event: by its own parameter where there is one, else in CEL. */
function narrow(path, value, only) {
  const parameter = NARROWING[path.join(".")];
  if (parameter && only) { change({ [parameter]: value }); return; }
  const test = `${celOf(path)} ${only ? "==" : "!="} ${JSON.stringify(value)}`;
  const before = route.value.query.filter;
  // "or" and "?:" bind less than "and": what is meant is all of the filter before.
  const whole = /\|\||\?/.test(before || "") ? `(${before})` : before;
  change({ filter: whole ? `${whole} && ${test}` : test });
}

const Row = (event) => html`<span class="mono small"><${When} at=${event.created} /></span>
  <span class="small muted">${short(event.app, 60)}</span>
  <span class="body">${short(event.summary || event.action)}</span>
  <span class="small muted wide">${short(event.user.username || event.client_ip || "", 60)}</span>`;

export default function Events() {
  const { query } = route.value;
  const filters = filtersOf(query);
  const events = useEvents(filters);
  const live = query.live === "1";
  const { skipped, problem: notFollowed } = useFollowing(live, filters, events.add);
  const close = () => change({ event: undefined });
  useKeys({ Escape: close });
  const chosen = query.event;
  const known = useMemo(() => events.items.find((event) => event.id === chosen), [events.items, chosen]);
  return html`<div class="head"><h1>Events</h1><${SearchForm} query=${query} />
      <button aria-pressed=${live} onClick=${() => change({ live: live ? undefined : "1" })}>Live</button>
      <button onClick=${events.again}>Refresh</button></div>
    <${FirstSteps} />
    <${Chips} filters=${filters} />
    <${Volume} filters=${filters} brush=${(since, until) => change({ since, until })} ready=${!events.busy || events.items.length > 0} />
    <${Notice} problem=${events.problem || notFollowed} />
    ${events.failed && html`<p class="note">The CEL filter failed on ${events.failed.events ?? "some"} events, which are left out: ${short(events.failed.first ?? "", 300)}</p>`}
    ${(events.unindexed ?? []).map((each) => html`<p class="note">Before <${When} at=${each.before} /> no index knows ${each.filter}: the log is read by ${each.instead} instead, which takes longer.</p>`)}
    <div class=${chosen ? "split two events" : "split events"}>
      ${events.items.length || events.busy
        ? html`<${List} label="Events, newest first" items=${events.items} chosen=${chosen} row=${Row} atEnd=${events.more}
            choose=${(event) => change({ event: event.id }, { replace: Boolean(chosen) })} />`
        : !events.problem && html`<p class="empty">${events.cursor ? html`None yet, back to <${When} at=${events.until} />: there is more of the log to look through. <button onClick=${events.more}>Go on</button>`
          : Object.keys(filters).length ? "No event is like this." : html`No event has come yet. Send one with POST /events.`}</p>`}
      ${chosen && html`<${EventDetails} id=${chosen} known=${known} narrow=${narrow} close=${close} />`}
    </div>
    <div class="status-line" role="status"><span>${events.items.length} shown, ${events.scanned ?? 0} looked at${skipped ? `, ${skipped} came too fast and were left out` : ""}</span>
      ${events.busy && html`<span>Loading…</span>`}
      ${events.cursor && !events.busy && events.items.length > 0 && html`<button class="tiny" onClick=${events.more}>Go on</button>`}</div>`;
}
