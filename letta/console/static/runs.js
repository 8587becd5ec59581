// The runs of all agents.
import { RunList } from "./run-list.js";
import { html, view } from "./view.js";

export default view(() => () => html`<header class="page"><h1>Runs</h1></header><${RunList} />`);
