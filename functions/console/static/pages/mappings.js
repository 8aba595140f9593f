/** Mappings: what a transport says instead of the usual body, as CEL. */
import { html } from "../html.js";
import { route } from "../router.js";
import { EntryEditor } from "../parts/editor.js";
import { Long, members } from "../parts/fields.js";
import { EntryTable, NewButton, useAll } from "../parts/resources.js";
import { Elsewhere, Notice } from "../parts/notice.js";
import { short } from "../parts/text.js";

const BLANK = { expression: '{"text": notification.body}' };

function MappingForm(form) {
  const hint = "CEL over event, notification, user, rule and severity: an object, or a text; of headers, an object of texts";
  return html`<${Long} ...${members(form)("expression", "Expression", hint)} rows="10" /><${Elsewhere} problem=${form.problem} shown=${["expression"]} />`;
}

function Overview() {
  const mappings = useAll("mappings");
  return html`<div class="head"><h1>Mappings</h1><${NewButton} kind="mappings" one="mapping" /></div>
    <${Notice} problem=${mappings.problem} />
    <${EntryTable} kind="mappings" items=${mappings.value} problem=${mappings.problem} empty="No mapping yet: transports send their usual body."
      columns=${[["Expression", (item) => html`<code>${short(item.expression, 160)}</code>`]]} />`;
}

export default () => (route.value.name
  ? html`<${EntryEditor} key=${route.value.name} kind="mappings" one="mapping" blank=${BLANK} form=${MappingForm} />`
  : html`<${Overview} />`);
