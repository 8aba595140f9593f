/** A rule as a form: when it fires, whom it tells and by what, how often, and its tests. */
import { html } from "../html.js";
import { all } from "../api.js";
import { NEW, link } from "../router.js";
import { Elsewhere, Field, wrongAt } from "./notice.js";
import { useLoaded } from "./resources.js";
import { short } from "./text.js";

const SEVERITIES = ["notice", "warning", "alert"];
const KINDS = ["policy", "group", "user"];
const SHOWN = ["enabled", "severity", "transports", "destination_group", "destination_event_user", "policy_engine_mode", "bindings", "throttle", "group", "resolve", "escalate", "can_be_muted", "title", "body", "runbook", "max_age", "tests"];

/** `list` with `entry` in the place of the one at `position`; without it where there is none. */
const replaced = (list, position, entry) => list.flatMap((each, at) => (at !== position ? [each] : entry === undefined ? [] : [entry]));

const kindOf = (binding) => KINDS.find((kind) => binding[kind] !== undefined && binding[kind] !== null) || "policy";

/** What is wrong at a path and not further in, as lines. */
const Wrongs = ({ problem, path }) => wrongAt(problem, path).map((each) => html`<p class="wrong small" role="alert">${each.path.slice(path.length).replace(/^\./, "")} ${each.message}</p>`);

function Check({ label, hint, checked, writable, set }) {
  return html`<label class="check"><input type="checkbox" disabled=${!writable} checked=${checked} onChange=${(event) => set(event.target.checked)} /> ${label}
    ${hint && html`<span class="small muted">${hint}</span>`}</label>`;
}

function Binding({ binding, position, problem, writable, set, names }) {
  const kind = kindOf(binding);
  const path = `bindings[${position}]`;
  const { policy: _policy, group: _group, user: _user, ...rest } = binding;
  const name = binding[kind] ?? "";
  const wrong = wrongAt(problem, path).length > 0;
  return html`<li class=${wrong ? "binding bad" : "binding"}>
    <div class="inline">
      <select aria-label=${`Binding ${position + 1} asks`} disabled=${!writable} value=${kind} onChange=${(event) => set({ ...rest, [event.target.value]: "" })}>
        ${KINDS.map((each) => html`<option value=${each}>${each === "policy" ? "policy" : `user is ${each === "group" ? "in group" : ""}`}</option>`)}</select>
      <input aria-label=${`Binding ${position + 1} names`} list=${kind === "user" ? undefined : `known-${kind}`} readonly=${!writable} value=${name} size="22"
        onInput=${(event) => set({ ...rest, [kind]: event.target.value })} />
      ${kind === "policy" && names.policy.includes(name) && html`<a href=${link("policies", name)}>Open</a>`}
      <${Check} label="not" checked=${Boolean(binding.negate)} writable=${writable} set=${(on) => set({ ...binding, negate: on })} />
      <${Check} label="on" checked=${binding.enabled !== false} writable=${writable} set=${(on) => set({ ...binding, enabled: on })} />
      <${Check} label="holds if it fails" checked=${Boolean(binding.failure_result)} writable=${writable} set=${(on) => set({ ...binding, failure_result: on })} />
      ${writable && html`<button type="button" class="tiny" aria-label=${`Take binding ${position + 1} out`} onClick=${() => set(undefined)}>×</button>`}
    </div><${Wrongs} problem=${problem} path=${path} /></li>`;
}

function Throttle({ throttle, problem, writable, set }) {
  const given = throttle || { window: "hours=1", max: 1, group_by: [] };
  return html`<div><${Check} label="Tell at most" checked=${Boolean(throttle)} writable=${writable} set=${(on) => set(on ? given : undefined)} />
    ${throttle && html`<div class="grid2">
      <${Field} label="Times" path="throttle.max" problem=${problem}><input type="number" min="1" readonly=${!writable} value=${given.max}
        onInput=${(event) => set({ ...given, max: event.target.value === "" ? null : Number(event.target.value) })} /></${Field}>
      <${Field} label="In each" hint="minutes=10, hours=1, …" path="throttle.window" problem=${problem}><input readonly=${!writable} value=${given.window} onInput=${(event) => set({ ...given, window: event.target.value })} /></${Field}>
      <${Field} label="Counted apart by" hint="Paths into the event, as user.username; separated by commas" path="throttle.group_by" problem=${problem}>
        <input readonly=${!writable} value=${(given.group_by || []).join(", ")} onChange=${(event) => set({ ...given, group_by: event.target.value.split(",").map((each) => each.trim()).filter(Boolean) })} /></${Field}></div>`}</div>`;
}

function Group({ group, problem, writable, set }) {
  const given = group || { by: [], wait: "minutes=1", interval: "minutes=5" };
  return html`<div><${Check} label="Tell together what comes together" checked=${Boolean(group)} writable=${writable} set=${(on) => set(on ? given : undefined)} />
    ${group && html`<div class="grid2">
      <${Field} label="The first waits" hint="minutes=1, seconds=30, …" path="group.wait" problem=${problem}><input readonly=${!writable} value=${given.wait ?? ""} placeholder="minutes=1" onInput=${(event) => set({ ...given, wait: event.target.value || undefined })} /></${Field}>
      <${Field} label="The next message after" hint="minutes=5, hours=1, …" path="group.interval" problem=${problem}><input readonly=${!writable} value=${given.interval ?? ""} placeholder="minutes=5" onInput=${(event) => set({ ...given, interval: event.target.value || undefined })} /></${Field}>
      <${Field} label="Apart by" hint="Paths into the event, as user.username; separated by commas" path="group.by" problem=${problem}>
        <input readonly=${!writable} value=${(given.by || []).join(", ")} onChange=${(event) => set({ ...given, by: event.target.value.split(",").map((each) => each.trim()).filter(Boolean) })} /></${Field}></div>`}</div>`;
}

/** The event that ends what the rule told of. Of a rule that tells events together, the group says which belong together. */
function Resolve({ resolve, grouped, problem, writable, set }) {
  const given = resolve || { action: "", by: [], within: "days=7" };
  const text = (name, label, hint, placeholder) => html`<${Field} label=${label} hint=${hint} path=${`resolve.${name}`} problem=${problem}>
    <input readonly=${!writable} value=${given[name] ?? ""} placeholder=${placeholder} onInput=${(event) => set({ ...given, [name]: event.target.value || undefined })} /></${Field}>`;
  return html`<div><${Check} label="Tell when it is over" checked=${Boolean(resolve)} writable=${writable} set=${(on) => set(on ? (grouped ? { ...given, by: undefined } : given) : undefined)} />
    ${resolve && html`<div class="grid2">
      ${text("action", "The action that ends it", "", "service_up")}${text("app", "Of the application", "", "")}
      ${text("query", "Where this holds", "A CEL expression over event", "")}${text("within", "An end is waited for", "hours=12, days=7, …", "days=7")}
      ${!grouped && html`<${Field} label="Ends what has the same" hint="Paths into the event, as context.host; separated by commas" path="resolve.by" problem=${problem}>
        <input readonly=${!writable} value=${(given.by || []).join(", ")} onChange=${(event) => set({ ...given, by: event.target.value.split(",").map((each) => each.trim()).filter(Boolean) })} /></${Field}>`}</div>`}</div>`;
}

/** Whom it tells next, while nobody acknowledges. */
function Escalate({ steps, known, problem, writable, set }) {
  const next = { after: `minutes=${15 * (steps.length + 1)}`, destination_group: "" };
  return html`<ul class="plain">${steps.map((step, position) => {
    const path = `escalate[${position}]`;
    const put = (part) => set(replaced(steps, position, { ...step, ...part }));
    const transports = step.transports || [];
    return html`<li key=${position} class=${wrongAt(problem, path).length ? "binding bad" : "binding"}><div class="inline">
        <label>After <input aria-label=${`Step ${position + 1} after`} size="10" readonly=${!writable} value=${step.after ?? ""} onInput=${(event) => put({ after: event.target.value })} /></label>
        <label>unless <select aria-label=${`Step ${position + 1} unless`} disabled=${!writable} value=${step.unless || "acknowledged"} onChange=${(event) => put({ unless: event.target.value })}>
          <option value="acknowledged">acknowledged</option><option value="seen">seen or acknowledged</option></select></label>
        <label>tell group <input aria-label=${`Step ${position + 1} tells`} list="known-group" size="18" readonly=${!writable} value=${step.destination_group ?? ""} onInput=${(event) => put({ destination_group: event.target.value })} /></label>
        ${writable && html`<button type="button" class="tiny" aria-label=${`Take step ${position + 1} out`} onClick=${() => set(replaced(steps, position, undefined))}>×</button>`}</div>
      <div role="group" aria-label=${`Transports of step ${position + 1}`} class="inline"><span class="label">By</span>
        ${[...new Set([...known, ...transports])].map((each) => html`<${Check} label=${short(each, 60)} checked=${transports.includes(each)} writable=${writable}
          set=${(on) => put({ transports: on ? [...transports, each] : transports.filter((other) => other !== each) })} />`)}
        ${!transports.length && html`<span class="small muted">none: the rule's</span>`}</div>
      <${Wrongs} problem=${problem} path=${path} /></li>`;
  })}</ul>
    ${writable && html`<div><button type="button" class="tiny" onClick=${() => set([...steps, next])}>Add a step</button></div>`}`;
}

/** The rule's own tests: an event each, and whether the rule must fire for it. They run whenever it is saved. */
function Tests({ tests, problem, writable, set }) {
  return html`<ul class="plain">${tests.map((test, position) => html`<li class=${wrongAt(problem, `tests[${position}]`).length ? "bad" : ""}>
      <div class="inline"><span>${test.fires ? "fires for" : "does not fire for"}</span> <code>${short(JSON.stringify(test.event), 160)}</code>
        ${writable && html`<button type="button" class="tiny" aria-label=${`Take test ${position + 1} out`} onClick=${() => set(replaced(tests, position, undefined))}>×</button>`}</div>
      <${Wrongs} problem=${problem} path=${`tests[${position}]`} /></li>`)}</ul>
    ${!tests.length && html`<p class="small muted">None. An event of "Test against a recent event", below, can be kept as one.</p>`}`;
}

/** @param {{value: object, edit: (value: object) => void, problem: Error | null, writable: boolean}} properties */
export function RuleForm({ value, edit, problem, writable }) {
  const known = useLoaded(async () => {
    const [policies, groups, transports] = await Promise.all(["policies", "groups", "transports"].map((kind) => all(kind)));
    return { policy: policies.map((each) => each.name), group: groups.map((each) => each.name), transport: transports.map((each) => each.name) };
  });
  const names = known.value || { policy: [], group: [], transport: [] };
  const set = (field, to) => {
    const { [field]: _was, ...rest } = value;
    edit(to === undefined ? rest : { ...value, [field]: to });
  };
  const bindings = value.bindings || [];
  const transports = value.transports || [];
  return html`<datalist id="known-policy">${names.policy.map((each) => html`<option value=${each} />`)}</datalist>
    <datalist id="known-group">${names.group.map((each) => html`<option value=${each} />`)}</datalist>
    <div class="inline"><${Check} label="Enabled" checked=${value.enabled !== false} writable=${writable} set=${(on) => set("enabled", on)} /></div>
    <fieldset><legend>Fires when</legend>
      <div class="inline"><select aria-label="How many bindings" disabled=${!writable} value=${value.policy_engine_mode || "any"} onChange=${(event) => set("policy_engine_mode", event.target.value)}>
        <option value="any">any of these holds</option><option value="all">all of these hold</option></select></div>
      <ul class="plain">${bindings.map((binding, position) => html`<${Binding} key=${position} binding=${binding} position=${position} problem=${problem} writable=${writable} names=${names}
        set=${(entry) => set("bindings", replaced(bindings, position, entry))} />`)}</ul>
      ${!bindings.length && html`<p class="small wrong">Without a binding it never fires.</p>`}
      ${writable && html`<div class="inline"><button type="button" class="tiny" onClick=${() => set("bindings", [...bindings, { policy: "" }])}>Add a binding</button>
        <a href=${link("policies", NEW)}>New policy</a></div>`}
      <${Field} label="Events that are older tell nobody" hint="hours=24, days=2, …" path="max_age" problem=${problem}><input readonly=${!writable} value=${value.max_age ?? ""} placeholder="hours=24"
        onInput=${(event) => set("max_age", event.target.value || undefined)} /></${Field}></fieldset>
    <fieldset><legend>Tells</legend><div class="grid2">
      <${Field} label="Group" hint="With those of the groups below it" path="destination_group" problem=${problem}>
        <input list="known-group" readonly=${!writable} value=${value.destination_group ?? ""} onInput=${(event) => set("destination_group", event.target.value || undefined)} /></${Field}>
      <${Field} label="Severity" path="severity" problem=${problem}><select disabled=${!writable} value=${value.severity || "notice"} onChange=${(event) => set("severity", event.target.value)}>
        ${[...new Set([...SEVERITIES, value.severity || "notice"])].map((each) => html`<option value=${each}>${each}</option>`)}</select></${Field}></div>
      <div class="inline"><${Check} label="And the event's user" checked=${Boolean(value.destination_event_user)} writable=${writable} set=${(on) => set("destination_event_user", on)} />
        <${Check} label="Preferences may mute it" checked=${value.can_be_muted !== false} writable=${writable} set=${(on) => set("can_be_muted", on)} /></div>
      <div role="group" aria-label="Transports" class="inline"><span class="label">By</span>
        ${[...new Set([...names.transport, ...transports])].map((each) => html`<${Check} label=${short(each, 60)} checked=${transports.includes(each)} writable=${writable}
          set=${(on) => set("transports", on ? [...transports, each] : transports.filter((other) => other !== each))} />`)}
        ${!transports.length && html`<span class="small muted">none: the inbox</span>`}</div>
      <${Wrongs} problem=${problem} path="transports" /></fieldset>
    <fieldset><legend>Says</legend><p class="small muted">Templates, as {{ event.user.username }}. What is left empty is said in Tocsin's words.</p>
      <${Field} label="Title" path="title" problem=${problem}><input readonly=${!writable} maxlength="500" value=${value.title ?? ""} onInput=${(event) => set("title", event.target.value || undefined)} /></${Field}>
      <${Field} label="Body" path="body" problem=${problem}><textarea rows="3" readonly=${!writable} maxlength="4000" value=${value.body ?? ""} onInput=${(event) => set("body", event.target.value || undefined)} /></${Field}>
      <${Field} label="Runbook" hint="A link to what to do about it" path="runbook" problem=${problem}><input type="url" readonly=${!writable} maxlength="2000" value=${value.runbook ?? ""} placeholder="https://…" onInput=${(event) => set("runbook", event.target.value || undefined)} /></${Field}></fieldset>
    <fieldset><legend>How often</legend><${Throttle} throttle=${value.throttle} problem=${problem} writable=${writable} set=${(to) => set("throttle", to)} />
      <${Group} group=${value.group} problem=${problem} writable=${writable} set=${(to) => set("group", to)} />
      <${Resolve} resolve=${value.resolve} grouped=${Boolean(value.group)} problem=${problem} writable=${writable} set=${(to) => set("resolve", to)} /></fieldset>
    <fieldset><legend>If nobody acknowledges</legend><${Escalate} steps=${value.escalate || []} known=${names.transport} problem=${problem} writable=${writable}
      set=${(to) => set("escalate", to.length ? to : undefined)} /></fieldset>
    <fieldset><legend>Its tests</legend><${Tests} tests=${value.tests || []} problem=${problem} writable=${writable} set=${(to) => set("tests", to)} /></fieldset>
    <${Elsewhere} problem=${problem} shown=${SHOWN} />`;
}
