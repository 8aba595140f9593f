/** One event: what it says, its context, its story, and its context. */
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { html, Icon } from "../html.js";
import { get, part } from "../api.js";
import { NEW, link, route } from "../router.js";
import { may } from "../session.js";
import { Notice } from "./notice.js";
import { useShown } from "./shown.js";
import { Story } from "./story.js";
import { Tree } from "./tree.js";
import { copy, Link, short, visible, When } from "./text.js";

const LONG = 4000;

function Fact({ name, value, path, narrow }) {
  if (value === null || value === undefined || value === "") return null;
  return html`<dt>${name}</dt><dd>${short(value, 500)}
    ${narrow && path && html` <span class="narrow"><button class="tiny" aria-label=${`Only events with this ${name}`} onClick=${() => narrow(path, value, true)}>only</button>
    <button class="tiny" aria-label=${`No events with this ${name}`} onClick=${() => narrow(path, value, false)}>not</button></span>`}</dd>`;
}

/** What an event says; its story is asked for when it is there. */
export function EventDetails({ id, known, narrow, close }) {
  const [event, setEvent] = useState(known);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    setProblem(null);
    setEvent(known);
    if (known) return undefined;
    let here = true;
    get(`events/${part(id)}`).then((found) => here && setEvent(found), (refused) => here && setProblem(refused));
    return () => { here = false; };
  }, [id, known]);
  useShown(event && event.id === id, route.value.query.show === "story" && "story");
  if (!event || event.id !== id) {
    return html`<section class="details" aria-label="Event"><${Notice} problem=${problem} />
      ${!problem && html`<p role="status">Loading…</p>`}<button onClick=${close}>Close</button></section>`;
  }
  const geo = event.context.geo || {};
  const place = [geo.city, geo.country].filter((each) => typeof each === "string" && each).join(", ");
  const { hyperlink, hyperlink_label: label } = event.context;
  return html`<section class="details" aria-label="Event" tabindex="0">
    <header><h2 class="summary" data-testid="summary">${visible((event.summary || event.action).slice(0, LONG))}</h2>
      <button class="plain" aria-label="Close" onClick=${close}><${Icon} name="close" /></button></header>
    <dl class="facts">
      <dt>Time</dt><dd><${When} at=${event.created} /> <span class="muted small">${event.created}</span></dd>
      <${Fact} name="Action" value=${event.action} path=${["action"]} narrow=${narrow} />
      <${Fact} name="App" value=${event.app} path=${["app"]} narrow=${narrow} />
      <${Fact} name="User" value=${event.user.username} path=${["user", "username"]} narrow=${narrow} />
      <${Fact} name="Client IP" value=${event.client_ip} path=${["client_ip"]} narrow=${narrow} />
      <${Fact} name="Place" value=${place} />
      <${Fact} name="Expires" value=${event.expires} />
      <dt>Id</dt><dd class="mono">${event.id} <button class="tiny" onClick=${() => copy(event.id)}>copy</button></dd>
      ${event.hash && html`<dt>Hash</dt><dd class="mono">${event.hash}</dd>`}
      ${typeof hyperlink === "string" && html`<dt>Link</dt><dd><${Link} href=${hyperlink}>${typeof label === "string" ? short(label, 100) : ""}</${Link}></dd>`}
    </dl>
    ${may("config:write") && html`<p><a class="button" href=${link("silences", NEW, { app: event.app, action: event.action })}>Silence events like this</a></p>`}
    <div id="story"><${Story} id=${id} created=${event.created} /></div>
    <h3>Context</h3>
    <${Tree} value=${event.context} path=${["context"]} narrow=${narrow} />
    ${event.cause && html`<h3>Cause</h3><${Tree} value=${event.cause} path=${["cause"]} />`}
  </section>`;
}
