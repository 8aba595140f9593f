/** Deliveries by state, transport and time; one sent again, or many. */
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { html, Icon } from "../html.js";
import { all, ask, get, part } from "../api.js";
import { change, link, route } from "../router.js";
import { may } from "../session.js";
import { List } from "../parts/list.js";
import { Notice } from "../parts/notice.js";
import { useLoaded } from "../parts/resources.js";
import { AGAIN_MS, DeliveryStory, UNDER_WAY } from "../parts/story.js";
import { Badge, short, When } from "../parts/text.js";

const STATES = ["failed", "retrying", "held", "waiting", "queued", "discarded", "delivered", "joined", "dropped"];
const PAGE = 200;
/** Deliveries that the preview of a redrive counts at most. */
const COUNTED = 1000;

const Row = (item) => html`<span><${Badge} kind=${item.state} /></span>
  <span class="body">${short(item.transport, 80)} ${item.user ? `→ ${short(item.user, 80)}` : ""}</span>
  <span class="small muted wide">${short((item.attempts || []).at(-1)?.reason || item.rule || "", 120)}</span>
  <span class="mono small"><${When} at=${item.updated} /></span>`;

/** Sends again what the list shows: of the transport, in the state, of the time. */
function Redrive({ transport, state, since, until, done }) {
  const [counted, setCounted] = useState(null);
  const [said, setSaid] = useState({});
  const preview = async () => {
    setSaid({});
    try {
      const page = await get("deliveries", { state, transport, since, until, limit: COUNTED });
      setCounted({ number: page.items.length, more: Boolean(page.cursor) });
    } catch (problem) { setSaid({ problem }); }
  };
  const go = async () => {
    try {
      let cursor;
      let queued = 0;
      let gone = 0;
      do {
        const answer = (await ask("POST", "deliveries/redrive", { body: { transport, states: [state], since, until, cursor } })).data;
        queued += answer.queued;
        gone += answer.gone;
        cursor = answer.cursor;
      } while (cursor);
      setCounted(null);
      setSaid({ done: `${queued} are queued again.${gone ? ` ${gone} are discarded: their people left.` : ""}` });
      done();
    } catch (problem) { setSaid({ problem }); }
  };
  useEffect(() => { setCounted(null); setSaid({}); }, [transport, state, since, until]);
  return html`<span class="inline">
    ${counted ? html`<span>${counted.number}${counted.more ? " and more" : ""} would be sent again by ${transport}${since || until ? ", of this time" : ""}.</span>
      <button class="primary" disabled=${!counted.number} onClick=${go}>Send them</button><button onClick=${() => setCounted(null)}>Cancel</button>`
    : html`<button onClick=${preview}>Redrive…</button>`}
    <${Notice} problem=${said.problem}>${said.done}</${Notice}></span>`;
}

function Details({ id, close, changed }) {
  const delivery = useLoaded(() => get(`deliveries/${part(id)}`), id);
  const again = () => { delivery.again(); changed(); };
  useEffect(() => {
    const timer = UNDER_WAY.has(delivery.value?.state) ? setTimeout(delivery.again, AGAIN_MS) : 0;
    return () => clearTimeout(timer);
  }, [delivery.value, delivery.problem]);
  return html`<section class="details" aria-label="Delivery" tabindex="0">
    <header><h2>Delivery</h2><button class="plain" aria-label="Close" onClick=${close}><${Icon} name="close" /></button></header>
    <${Notice} problem=${delivery.problem} />
    ${delivery.value && html`<p><a href=${link("events", "", { event: delivery.value.event_id })}>Its event</a>, by the rule ${short(delivery.value.rule, 100)}</p>
      <${DeliveryStory} delivery=${delivery.value} changed=${again} />`}</section>`;
}

export default function Deliveries() {
  const { query } = route.value;
  const state = query.state || "failed";
  const transports = useLoaded(() => (may("config:read") ? all("transports") : Promise.resolve([])));
  const [page, setPage] = useState({ items: [], cursor: null, busy: true });
  const asking = useRef(0);
  const load = async (cursor) => {
    asking.current += 1;
    const mine = asking.current; // an answer that another question has overtaken is not shown under that one
    setPage((before) => ({ ...before, busy: true }));
    try {
      const found = await get("deliveries", { state, transport: query.transport, since: query.since, until: query.until, limit: PAGE, cursor });
      if (mine === asking.current) setPage((before) => ({ items: cursor ? [...before.items, ...found.items] : found.items, cursor: found.cursor, busy: false }));
    } catch (problem) {
      if (mine === asking.current) setPage((before) => ({ items: cursor ? before.items : [], cursor: null, busy: false, problem }));
    }
  };
  useEffect(() => { load(); }, [state, query.transport, query.since, query.until]);
  const close = () => change({ d: undefined });
  return html`<div class="head"><h1>Deliveries</h1>
      <select aria-label="State" value=${state} onChange=${(event) => change({ state: event.target.value, d: undefined })}>
        ${STATES.map((each) => html`<option value=${each}>${each}</option>`)}</select>
      <select aria-label="Transport" value=${query.transport || ""} onChange=${(event) => change({ transport: event.target.value || undefined, d: undefined })}>
        <option value="">All transports</option>${(transports.value || []).map((each) => html`<option value=${each.name}>${each.name}</option>`)}</select>
      <button onClick=${() => load()}>Refresh</button>
      ${query.transport && may("config:write") && ["failed", "discarded", "held", "waiting", "retrying", "queued"].includes(state)
        && html`<${Redrive} transport=${query.transport} state=${state} since=${query.since} until=${query.until} done=${() => load()} />`}</div>
    <${Notice} problem=${page.problem} />
    <div class=${query.d ? "split two deliveries" : "split deliveries"}>
      ${page.items.length ? html`<${List} label="Deliveries" items=${page.items} chosen=${query.d} row=${Row}
          choose=${(item) => change({ d: item.id }, { replace: Boolean(query.d) })} atEnd=${() => page.cursor && !page.busy && load(page.cursor)} />`
        : !page.problem && html`<p class="empty">${page.busy ? "Loading…" : `No delivery is ${state}.`}</p>`}
      ${query.d && html`<${Details} id=${query.d} close=${close} changed=${() => load()} />`}
    </div>
    <div class="status-line" role="status">${page.items.length} shown${page.cursor ? ", there are more" : ""}</div>`;
}
