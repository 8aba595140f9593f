/**
 * The inbox and the log as they happen: docs/live.md's protocol over a WebSocket, and asking every few seconds where
 * there is none.
 */
import { batch, computed, effect, signal } from "./vendor/signals.js";
import { ask, get } from "./api.js";
import { may, me } from "./session.js";

const POLL_MS = 3000;
const PING_MS = 25000;
/** How long the answer to a ping may take; then the connection is dead, whatever the browser thinks of it. */
const PONG_MS = 10000;
/** How long after it was said to follow the log is asked as well: whoever feeds it looks every five seconds for who does. */
const FEEDING_MS = 10000;
const KEPT = 1000;
/** Arrivals before the last one that are asked for once more: one is numbered before it is stored. */
const AGAIN = 50;

export const hasInbox = () => Boolean(me.value && me.value.user && may("notifications"));

/** Notifications by id; pages and marks change the same ones, so that a notification is here once. */
const known = signal(new Map());
/** Those that are known, latest arrival first. */
export const notifications = computed(() => [...known.value.values()].sort((a, b) => b.arrival - a.arrival));
export const unread = signal(0);
/** {total, limit, dropped}: what GET /notifications/unread says beside the count. */
export const counts = signal({ total: 0, limit: 0, dropped: 0 });
export const toasts = signal([]);
/** Whether the inbox was read once: what it held before is no news, what comes from then on is shown as a toast. */
export const looked = signal(false);
/** "live" over a WebSocket, "polling" without, "lost" while the API can't be reached. */
export const connection = signal("polling");

/** The greatest arrival that is known. */
let latest = 0;
/** The greatest arrival of the last look, from which the next one goes on: messages may be lost, or overtake each other. */
let through = 0;
/** What was deleted, and through which arrival all was cleared: an answer that is older than that brings none of it back. */
let gone = new Set();
let cleared = 0;
let looking = Promise.resolve();
let running = 0;
let polls;
let retry;
let socket = null;
let pings;
let pong;
let tries = 0;
let tail = null;

/** Take notifications in; those that came since the last look are shown as toasts, unless they are taken quietly. */
function take(items, { quietly = false } = {}) {
  const next = new Map(known.value);
  const fresh = [];
  for (const item of items) {
    if (gone.has(item.id) || item.arrival <= cleared) continue;
    if (!next.has(item.id) && item.arrival > through - AGAIN) fresh.push(item);
    next.set(item.id, item);
  }
  latest = greatest(items, latest);
  if (next.size > KEPT * 2) {
    for (const { id } of [...next.values()].sort((a, b) => b.arrival - a.arrival).slice(KEPT * 2)) next.delete(id);
  }
  batch(() => {
    known.value = next;
    if (!quietly) for (const item of fresh.reverse()) toast(item);
  });
  return fresh;
}

const greatest = (items, least) => items.reduce((most, item) => Math.max(most, item.arrival), least);

export function toast(item) {
  toasts.value = [...toasts.value.slice(-3), item];
  setTimeout(() => dismiss(item), 8000);
}
export function dismiss(item) { toasts.value = toasts.value.filter((each) => each !== item); }

async function count() {
  const run = running;
  const said = await get("notifications/unread");
  if (run !== running) return; // of whoever was signed in before
  batch(() => {
    unread.value = said.unread;
    counts.value = said;
  });
}

/** What arrived since the last look, page by page; the latest page at the first one. */
async function newer() {
  const first = !looked.value;
  let cursor;
  const found = [];
  do {
    const page = await get("notifications", { after: Math.max(0, through - AGAIN), limit: 100, cursor });
    found.push(...page.items);
    cursor = first ? null : page.cursor;
  } while (cursor);
  return found;
}

/** An older page for the list; whether there are more. */
export async function older(cursor, filters) {
  const run = running;
  const page = await get("notifications", { ...filters, cursor, limit: 100 });
  if (run === running) take(page.items, { quietly: !looked.value });
  return page;
}

/** Look once, after the look that is under way: two at a time could take what is old for news. */
function look(run) {
  looking = looking.catch(() => {}).then(() => run === running && lookNow(run));
  return looking;
}

/** Seen marks that other tabs made are in the answer too. */
async function lookNow(run) {
  const first = !looked.value;
  const found = await newer();
  if (run !== running) return;
  take(found, { quietly: first });
  through = greatest(found, through);
  const before = unread.value;
  await count();
  if (run !== running) return;
  if (first) { looked.value = true; return; }
  if (before === unread.value) return;
  const latestOnes = await get("notifications", { limit: 100 });
  if (run === running) take(latestOnes.items);
}

/** Ask, and again every few seconds unless the WebSocket is open. One that is closed ends in asking. */
async function poll(run) {
  clearTimeout(polls);
  try {
    await look(run);
    if (run === running && connection.value === "lost") connection.value = socket && socket.readyState === WebSocket.OPEN ? "live" : "polling";
  } catch (error) {
    if (run !== running) return;
    connection.value = "lost";
    if (error.status === 401) return;
  }
  if (run !== running || connection.value === "live") return;
  clearTimeout(polls);
  polls = setTimeout(() => poll(run), POLL_MS);
}

export function startInbox() {
  running += 1;
  if (hasInbox()) poll(running);
  connect(running);
}

export function stopInbox() {
  running += 1;
  clearTimeout(polls);
  disconnect();
  latest = through = cleared = 0;
  gone = new Set();
  batch(() => {
    known.value = new Map();
    unread.value = 0;
    counts.value = { total: 0, limit: 0, dropped: 0 };
    toasts.value = [];
    looked.value = false;
    connection.value = "polling";
  });
}

/** Open the WebSocket with a one-use ticket; where the stack has none, asking goes on. */
async function connect(run) {
  clearTimeout(retry);
  if (run !== running || socket) return;
  const opening = {};
  socket = opening; // whoever connects meanwhile finds one
  let ticket;
  try {
    ticket = (await ask("POST", "tickets")).data;
  } catch (error) {
    if (socket !== opening) return;
    socket = null;
    if (![401, 403, 404, 405].includes(error.status)) again(run);
    return;
  }
  if (socket !== opening) return;
  const mine = new WebSocket(`${ticket.url}?ticket=${encodeURIComponent(ticket.ticket)}`);
  socket = mine;
  mine.onopen = () => opened(run);
  mine.onmessage = (message) => { clearTimeout(pong); receive(JSON.parse(message.data)); };
  mine.onclose = () => { if (socket === mine) ended(run); };
}

function opened(run) {
  tries = 0;
  clearTimeout(polls);
  connection.value = "live";
  clearInterval(pings);
  pings = setInterval(ping, PING_MS);
  if (tail) send({ action: "events.tail", filters: tail.filters });
  if (hasInbox()) poll(run); // once: what came before it was open
}

/** A ping that is not answered in time ends the connection: one that was cut is not told so. */
function ping() {
  const mine = socket;
  clearTimeout(pong);
  pong = setTimeout(() => { if (socket === mine) ended(running); }, PONG_MS);
  send({ action: "ping" });
}

function disconnect() {
  clearTimeout(retry);
  clearTimeout(pong);
  clearInterval(pings);
  const last = socket;
  socket = null;
  if (last && last.close) last.close();
}

function ended(run) {
  disconnect();
  if (run !== running) return;
  if (tail) tail.fedFrom = Infinity;
  if (connection.value === "live") {
    connection.value = "lost";
    if (hasInbox()) poll(run);
  }
  again(run);
}

function again(run) {
  const pause = Math.min(30, 2 ** tries) * 1000 * (0.5 + Math.random());
  tries += 1;
  clearTimeout(retry);
  retry = setTimeout(() => connect(run), pause);
}

/** The browser knows when the network is cut and when it is back; a WebSocket may take minutes to. */
addEventListener("offline", () => { if (socket && connection.value === "live") ended(running); });
addEventListener("online", () => {
  if (!me.value || socket) return;
  tries = 0;
  connect(running);
});

function send(message) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function receive(message) {
  if (message.message_type === "notification.new") {
    if (!looked.value) look(running).catch(() => {});
    else if (take([message.data]).length) count().catch(() => {});
  } else if (message.message_type === "notification.seen") {
    marked(message.data);
    count().catch(() => {});
  } else if (message.message_type === "notification.acknowledged") {
    acknowledged(message.data);
  } else if (message.message_type === "notification.cleared") {
    removed(message.data);
    count().catch(() => {});
  } else if (message.message_type === "events.tailing" && tail) {
    tail.fedFrom = Date.now() + FEEDING_MS;
  } else if (message.message_type === "events.new" && tail && alike(message.filters, tail.filters)) {
    tail.receive(message.data, message.skipped || 0);
  }
}

/** Whether events come for the filters of now: for some seconds there are some for those before. */
const inOrder = (filters) => JSON.stringify(Object.entries(filters).sort());
const alike = (said, wanted) => !said || inOrder(said) === inOrder(wanted);

/**
 * Follow the log: `receiveEvents(events, skipped)` is called with what comes over the WebSocket, and `askAgain` every few
 * seconds while there is none, or while it may not have begun. Returns what ends it.
 */
export function follow(filters, receiveEvents, askAgain) {
  const mine = { filters, receive: receiveEvents, fedFrom: Infinity };
  tail = mine;
  send({ action: "events.tail", filters });
  const asking = setInterval(() => { if (Date.now() < mine.fedFrom) askAgain(); }, POLL_MS);
  return () => {
    clearInterval(asking);
    if (tail !== mine) return;
    tail = null;
    send({ action: "events.untail" });
  };
}

function marked({ ids, through: to, seen = true }) {
  const named = new Set(ids || []);
  const next = new Map();
  for (const [id, item] of known.value) {
    const hit = named.has(id) || (to !== undefined && item.arrival <= to);
    next.set(id, hit ? { ...item, seen } : item);
  }
  known.value = next;
}

/** All that tell of one thing are acknowledged together. */
function acknowledged({ rule, about, acknowledged: said }) {
  known.value = new Map([...known.value].map(([id, item]) => [id,
    item.can_acknowledge && item.rule === rule && item.about === about ? { ...item, can_acknowledge: false, acknowledged: said } : item]));
}

function removed({ ids, through: to }) {
  const named = new Set(ids || []);
  gone = new Set([...gone, ...named]);
  cleared = Math.max(cleared, to ?? 0);
  known.value = new Map([...known.value].filter(([id, item]) =>
    !named.has(id) && !(to !== undefined && item.arrival <= to)));
}

export async function mark(ids, seen) {
  const said = (await ask("POST", seen ? "notifications/seen" : "notifications/unseen", { body: { ids } })).data;
  marked({ ids: said.ids, seen });
  await count();
}
export async function acknowledge({ id, rule, about }) {
  const { by, via, at } = (await ask("POST", `notifications/${id}/acknowledge`)).data;
  acknowledged({ rule, about, acknowledged: { by, via, at } });
}
/** Mark all seen that were here when asked: up to the latest arrival known. */
export async function markAll() {
  const said = (await ask("POST", "notifications/seen", { body: { through: latest } })).data;
  marked({ through: said.through, seen: true });
  await count();
}
export async function remove(id) {
  removed((await ask("DELETE", `notifications/${id}`)).data);
  await count();
}
export async function clearAll() {
  removed((await ask("DELETE", "notifications", { query: { through: latest } })).data);
  await count();
}

/** The tab's title says how many wait. */
export function titled(prefix) {
  return effect(() => {
    const waiting = unread.value ? `(${unread.value > 99 ? "99+" : unread.value}) ` : "";
    document.title = `${waiting}${prefix.value ? `${prefix.value} · ` : ""}Tocsin`;
  });
}
