// The runs of one agent.
import { RunList } from "./run-list.js";
import { html, view } from "./view.js";

export default view(() => ({ store }) => html`<${RunList} agentId=${store.id} />`);
