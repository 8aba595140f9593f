/** A person and a group as forms. */
import { html } from "../html.js";
import { all } from "../api.js";
import { Known, members, Names, Text, Tick } from "./fields.js";
import { Elsewhere } from "./notice.js";
import { useLoaded } from "./resources.js";

/** Digits are a number, as events have it; all else is a text. */
const keyOf = (text) => (text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : text);

/** @param {{value: object, edit: (value: object) => void, problem: Error | null, writable: boolean}} form */
export function UserForm(form) {
  const of = members(form);
  const key = of("pk", "Key", "What events call this person, beside the username: their user.pk");
  return html`<div class="grid2"><${Text} ...${of("name", "Full name")} /><${Text} ...${of("email", "E-mail address")} type="email" />
      <${Text} ...${key} set=${(text) => key.set(keyOf(text))} /><${Text} ...${of("locale", "Language", "as en or de; of e-mails")} /></div>
    <div class="inline"><${Tick} ...${of("active", "Active", "who is not is told nothing, and their keys are refused")} value=${form.value.active !== false} />
      <${Tick} ...${of("superuser", "Superuser")} /></div>
    <${Elsewhere} problem=${form.problem} shown=${["name", "email", "pk", "locale"]} />`;
}

/** @param {{value: object, edit: (value: object) => void, problem: Error | null, writable: boolean}} form */
export function GroupForm(form) {
  const groups = useLoaded(() => all("groups"));
  return html`<${Known} id="known-groups" names=${(groups.value || []).map((each) => each.name)} />
    <${Names} ...${members(form)("children", "Groups below", "Their members are told with this one's")} one="group" list="known-groups" />
    <${Elsewhere} problem=${form.problem} shown=${["children"]} />`;
}
