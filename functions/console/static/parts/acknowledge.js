/** Who acknowledged what a notification tells of, or the button that does; nothing where its rule does not escalate. */
import { useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { acknowledge } from "../live.js";
import { Notice } from "./notice.js";
import { short, When } from "./text.js";

/** `{by, at}` in a line. */
export const Acknowledged = ({ said }) => html`<span class="small" data-testid="acknowledged">Acknowledged by <b>${short(said.by, 120)}</b> <${When} at=${said.at} /></span>`;

export function Acknowledge({ item, tiny = false }) {
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  if (item.acknowledged) return html`<${Acknowledged} said=${item.acknowledged} />`;
  if (!item.can_acknowledge) return null;
  const act = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await acknowledge(item);
    } catch (refused) { setProblem(refused); }
    setBusy(false);
  };
  return html`<button class=${tiny ? "tiny" : "primary"} disabled=${busy} onClick=${act}>Acknowledge</button><${Notice} problem=${problem} />`;
}
