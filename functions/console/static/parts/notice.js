/** What went wrong, with each place where it is; or what went well. */
import { html } from "../html.js";

export function Notice({ problem, children }) {
  if (!problem) return children ? html`<div class="note good" role="status">${children}</div>` : null;
  return html`<div class="note bad" role="alert">
    <strong>${problem.message}</strong>
    ${problem.errors && problem.errors.length > 0 && html`<ul>
      ${problem.errors.map((each) => html`<li><code>${each.path}</code> ${each.message}</li>`)}
    </ul>`}
  </div>`;
}

/** The messages of a problem about one field and what is in it. */
export const wrongAt = (problem, path) =>
  ((problem && problem.errors) || []).filter(
    (each) => each.path === path || each.path.startsWith(`${path}.`) || each.path.startsWith(`${path}[`),
  );

/** What is wrong at none of the `shown` fields; of a problem without places, its sentence. */
export function Elsewhere({ problem, shown }) {
  if (!problem) return null;
  const errors = problem.errors && problem.errors.length ? problem.errors : [{ path: "", message: problem.message }];
  const left = errors.filter((each) => !shown.some((path) => wrongAt({ errors: [each] }, path).length));
  return left.length > 0 && html`<ul class="wrongs" aria-label="What is wrong">${left.map((each) => html`<li class="wrong">${each.path && html`<code>${each.path}</code> `}${each.message}</li>`)}</ul>`;
}

/** A labelled field. `children` is its control; what the API found wrong there stands below it. */
export function Field({ label, hint, problem, path, children }) {
  const wrong = path ? wrongAt(problem, path) : [];
  return html`<div class=${wrong.length ? "field bad" : "field"}><label><span class="label">${label}</span>${children}</label>
    ${hint && html`<span class="small muted">${hint}</span>`}
    ${wrong.map((each) => html`<span class="wrong" role="alert">${each.path !== path ? `${each.path}: ` : ""}${each.message}</span>`)}
  </div>`;
}
