/** People and groups: lists, editors, and who is in a group. */
import { useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { ask, get, part } from "../api.js";
import { route } from "../router.js";
import { may } from "../session.js";
import { EntryEditor } from "../parts/editor.js";
import { GroupForm, UserForm } from "../parts/people_forms.js";
import { EntryTable, NewButton, useAll, useLoaded } from "../parts/resources.js";
import { Notice } from "../parts/notice.js";
import { Badge, short } from "../parts/text.js";

const USER = { email: "", name: "", active: true };
const GROUP = { children: [] };
const MEMBERS = 500;
/** People that are shown at once; a directory may have tens of thousands. */
const PEOPLE = 500;

/** The first of the people whom a search finds, all where there is none. A request looks at some thousands of them. */
async function found(search) {
  const items = [];
  let cursor;
  do {
    const page = await get("users", { search, limit: PEOPLE - items.length, cursor });
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor && search && items.length < PEOPLE);
  return { items, more: Boolean(cursor) };
}

function People() {
  const [search, setSearch] = useState("");
  const users = useLoaded(() => found(search), search);
  const submit = (event) => { event.preventDefault(); setSearch(String(new FormData(event.target).get("search")).trim()); };
  return html`<h2>People</h2>
    <form class="inline" role="search" onSubmit=${submit}><input type="search" name="search" aria-label="Search people" placeholder="Words of a name or address" /><button>Search</button></form>
    <${Notice} problem=${users.problem} />
    <${EntryTable} kind="users" items=${users.value && users.value.items} problem=${users.problem} name=${(item) => item.username} empty=${search ? "Nobody is like this." : "Nobody yet."}
      columns=${[["Full name", (item) => short(item.name || "", 120)], ["E-mail", (item) => short(item.email || "", 120)],
        ["Active", (item) => (item.active ? "yes" : html`<${Badge} kind="warning">no</${Badge}>`)]]} />
    ${users.value && users.value.more && html`<p class="muted">And more than these ${users.value.items.length}: search for them.</p>`}`;
}

function Members({ group }) {
  const members = useLoaded(() => get(`groups/${part(group)}/members`, { limit: MEMBERS }), group);
  const [username, setUsername] = useState("");
  const [problem, setProblem] = useState(null);
  const act = (method, who) => ask(method, `groups/${part(group)}/members/${part(who)}`).then(() => { setProblem(null); setUsername(""); members.again(); }, setProblem);
  const items = (members.value && members.value.items) || [];
  return html`<section class="card" aria-label="Members"><h2>Members</h2><${Notice} problem=${problem || members.problem} />
    ${may("config:write") && html`<form class="inline" onSubmit=${(event) => { event.preventDefault(); act("PUT", username); }}>
      <label>User <input required value=${username} onInput=${(event) => setUsername(event.target.value)} /></label><button>Add</button></form>`}
    <ul>${items.map((each) => html`<li key=${each.username}>${short(each.username, 120)}
      ${may("config:write") && html` <button class="tiny" aria-label=${`Take ${each.username} out`} onClick=${() => act("DELETE", each.username)}>Take out</button>`}</li>`)}</ul>
    ${members.value && members.value.cursor && html`<p class="muted">And more than these ${MEMBERS}.</p>`}</section>`;
}

function Overview() {
  const groups = useAll("groups");
  return html`<div class="head"><h1>People and groups</h1><${NewButton} kind="users" one="person" /><${NewButton} kind="groups" one="group" /></div>
    <${Notice} problem=${groups.problem} />
    <h2>Groups</h2>
    <${EntryTable} kind="groups" items=${groups.value} problem=${groups.problem} empty="No group yet. Rules tell groups: make one, and put yourself in."
      columns=${[["Groups below", (item) => short((item.children || []).join(", "), 120)]]} />
    <${People} />`;
}

export default function PeopleAndGroups() {
  const { page, name } = route.value;
  if (page === "users" && name) return html`<${EntryEditor} key=${name} kind="users" one="person" blank=${USER} left=${["username"]} form=${UserForm} />`;
  if (page === "groups" && name) return html`<${EntryEditor} key=${name} kind="groups" one="group" blank=${GROUP} form=${GroupForm}>${() => html`<${Members} group=${name} />`}</${EntryEditor}>`;
  return html`<${Overview} />`;
}
