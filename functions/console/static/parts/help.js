/** The list of keys, which `?` opens. */
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { useKeys } from "./keys.js";

const KEYS = [
  ["/", "Search"], ["j, k", "Next, previous row"], ["Enter", "Open what is focused"], ["b", "Open or close the bell's drawer"],
  ["Esc", "Close what is open"], ["?", "This list"],
];

/** A modal dialog: open while it is in the document. `close` is called when it is left. */
export function Dialog({ label, close, children }) {
  const box = useRef(null);
  useEffect(() => { box.current.showModal(); }, []);
  return html`<dialog ref=${box} aria-label=${label} onClose=${close}>${children}</dialog>`;
}

export function Help() {
  const box = useRef(null);
  useKeys({ "?": () => box.current.showModal() });
  return html`<dialog ref=${box} aria-labelledby="keys-title">
    <h2 id="keys-title">Keys</h2>
    <dl class="facts">${KEYS.map(([key, does]) => html`<dt><kbd>${key}</kbd></dt><dd>${does}</dd>`)}</dl>
    <form method="dialog"><button>Close</button></form>
  </dialog>`;
}
