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

/** A labelled field. `children` is its control; what the API found wrong there stands below it. */
export function Field({ label, hint, problem, path, children }) {
  const wrong = path ? wrongAt(problem, path) : [];
  return html`<label class="field"><span class="label">${label}</span>${children}
    ${hint && html`<span class="small muted">${hint}</span>`}
    ${wrong.map((each) => html`<span class="wrong" role="alert">${each.path !== path ? `${each.path}: ` : ""}${each.message}</span>`)}
  </label>`;
}
