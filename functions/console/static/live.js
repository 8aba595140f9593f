/**
 * The inbox and the log as they happen: docs/live.md's protocol over a WebSocket, and asking every few seconds where
 * there is none.
 */
import { batch, computed, effect, signal } from "./vendor/signals.js";
import { ask, get } from "./api.js";
import { may, me } from "./session.js";

const POLL_MS = 3000;
const PING_MS = 25000;
const KEPT = 1000;

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

let latest = 0;
let looking = Promise.resolve();
let running = 0;
let timer;
let socket;
let pings;
let tries = 0;
let tail = null;

/** Take notifications in; those that are new since the first load are shown as toasts. */
function take(items, { quietly = false } = {}) {
  const next = new Map(known.value);
  const fresh = [];
  for (const item of items) {
    if (!next.has(item.id) && item.arrival > latest) fresh.push(item);
    next.set(item.id, item);
  }
  latest = items.reduce((most, item) => Math.max(most, item.arrival), latest);
  for (const id of [...next.keys()].slice(0, Math.max(0, next.size - KEPT * 2))) next.delete(id);
  batch(() => {
    known.value = next;
    if (!quietly) for (const item of fresh.reverse()) toast(item);
  });
  return fresh;
}

export function toast(item) {
  toasts.value = [...toasts.value.slice(-3), item];
  setTimeout(() => dismiss(item), 8000);
}
export function dismiss(item) { toasts.value = toasts.value.filter((each) => each !== item); }

async function count() {
  const said = await get("notifications/unread");
  batch(() => {
    unread.value = said.unread;
    counts.value = said;
  });
}

/** What arrived since the last look, page by page. */
async function newer() {
  let cursor;
  const found = [];
  do {
    const page = await get("notifications", { after: latest || undefined, limit: 100, cursor });
    found.push(...page.items);
    cursor = latest ? page.cursor : null;
  } while (cursor);
  return found;
}

/** An older page for the list; whether there are more. */
export async function older(cursor, filters) {
  const page = await get("notifications", { ...filters, cursor, limit: 100 });
  take(page.items, { quietly: true });
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
  const before = unread.value;
  await count();
  if (first) looked.value = true;
  else if (before !== unread.value) take((await get("notifications", { limit: 100 })).items, { quietly: true });
}

async function poll(run) {
  if (run !== running) return;
  try {
    await look(run);
    if (connection.value === "lost") connection.value = "polling";
  } catch (error) {
    connection.value = "lost";
    if (error.status === 401) return;
  }
  if (run !== running) return;
  if (connection.value !== "live") timer = setTimeout(() => poll(run), POLL_MS);
}

export function startInbox() {
  running += 1;
  if (hasInbox()) poll(running);
  connect(running);
}

export function stopInbox() {
  running += 1;
  clearTimeout(timer);
  clearInterval(pings);
  if (socket) socket.close();
  latest = 0;
  batch(() => {
    known.value = new Map();
    unread.value = 0;
    toasts.value = [];
    looked.value = false;
    connection.value = "polling";
  });
}

/** Open the WebSocket with a one-use ticket; where the stack has none, asking goes on. */
async function connect(run) {
  if (run !== running) return;
  let ticket;
  try {
    ticket = (await ask("POST", "tickets")).data;
  } catch (error) {
    if ([403, 404, 405].includes(error.status)) return;
    again(run);
    return;
  }
  if (run !== running) return;
  socket = new WebSocket(`${ticket.url}?ticket=${encodeURIComponent(ticket.ticket)}`);
  socket.onopen = () => {
    tries = 0;
    clearTimeout(timer);
    connection.value = "live";
    pings = setInterval(() => send({ action: "ping" }), PING_MS);
    if (tail) send({ action: "events.tail", filters: tail.filters });
    if (hasInbox()) look(run).catch(() => {});
  };
  socket.onmessage = (message) => receive(JSON.parse(message.data));
  socket.onclose = () => {
    clearInterval(pings);
    if (run !== running) return;
    if (connection.value === "live") {
      connection.value = "lost";
      if (hasInbox()) poll(run);
    }
    again(run);
  };
}

function again(run) {
  const pause = Math.min(30, 2 ** tries) * 1000 * (0.5 + Math.random());
  tries += 1;
  setTimeout(() => connect(run), pause);
}

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
  } else if (message.message_type === "notification.cleared") {
    removed(message.data);
    count().catch(() => {});
  } else if (message.message_type === "events.new" && tail) {
    tail.receive(message.data, message.skipped || 0);
  }
}

/** Follow the log: over the WebSocket, `receive(events, skipped)` is called with what comes. Returns what ends it. */
export function follow(filters, receiveEvents) {
  tail = { filters, receive: receiveEvents };
  send({ action: "events.tail", filters });
  return () => {
    tail = null;
    send({ action: "events.untail" });
  };
}

function marked({ ids, through, seen = true }) {
  const named = new Set(ids || []);
  const next = new Map();
  for (const [id, item] of known.value) {
    const hit = named.has(id) || (through !== undefined && item.arrival <= through);
    next.set(id, hit ? { ...item, seen } : item);
  }
  known.value = next;
}

function removed({ ids, through }) {
  const named = new Set(ids || []);
  known.value = new Map([...known.value].filter(([id, item]) =>
    !named.has(id) && !(through !== undefined && item.arrival <= through)));
}

export async function mark(ids, seen) {
  const said = (await ask("POST", seen ? "notifications/seen" : "notifications/unseen", { body: { ids } })).data;
  marked({ ids: said.ids, seen });
  await count();
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
