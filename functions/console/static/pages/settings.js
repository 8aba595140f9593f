/** The settings: what holds for every event. */
import { html } from "../html.js";
import { EntryEditor } from "../parts/editor.js";
import { SettingsForm } from "../parts/settings_form.js";

export default () => html`<${EntryEditor} kind="settings" one="settings" left=${[]} form=${SettingsForm} single />`;
