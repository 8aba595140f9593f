/** What an API key may do, as a form. */
import { html } from "../html.js";
import { members, Scopes, Text, Whole } from "./fields.js";
import { Elsewhere } from "./notice.js";

/** @param {{value: object, edit: (value: object) => void, problem: Error | null, writable: boolean}} form */
export function KeyForm(form) {
  const of = members(form);
  return html`<${Scopes} ...${of("scopes")} />
    <div class="grid2"><${Text} ...${of("user", "Stands for user", "Empty for a program")} />
      <${Whole} ...${of("events_per_minute", "Events a minute", "At most so many; empty, as many as come")} />
      <${Text} ...${of("expires", "Expires", "2027-01-31T12:00:00Z; empty, never")} /></div>
    <${Elsewhere} problem=${form.problem} shown=${["scopes", "user", "events_per_minute", "expires"]} />`;
}
