// The form that an agent is made with.
import { LONGEST_NAME } from "./agents.js";
import { get, post } from "./api.js";
import { html, onMount, signal, view } from "./view.js";

const PERSONA = "I am a helpful companion. I keep what matters to the people I talk with.";

export const NewAgent = view((self) => {
  const models = signal(null);
  const embeddings = signal([]);
  const problem = signal("");
  const busy = signal(false);

  onMount(() => {
    get("/models").then((found) => (models.value = found), (error) => (problem.value = error.message));
    get("/models/embedding").then((found) => (embeddings.value = found), () => {});
  });

  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const text = (name) => form.get(name)?.trim() || undefined;
    busy.value = true;
    problem.value = "";
    try {
      self.props.close(await post("/agents", {
        name: text("name"),
        description: text("description"),
        model: text("model"),
        embedding: text("embedding"),
        tags: (text("tags") ?? "").split(",").map((tag) => tag.trim()).filter(Boolean),
        memory_blocks: [
          { label: "persona", value: text("persona") ?? "" },
          { label: "human", value: text("human") ?? "" },
        ],
      }));
    } catch (error) {
      problem.value = error.message;
    }
    busy.value = false;
  }

  return () => html`
    <form onSubmit=${submit}>
      ${problem.value && html`<p class="note bad" role="alert">${problem.value}</p>`}
      ${models.value?.length === 0 && html`<p class="note">No model is configured. <a href="#/health" onClick=${() => self.props.close()}>See what to set.</a></p>`}
      <label class="field"><span>Name</span><input name="name" autofocus autocomplete="off" maxlength=${LONGEST_NAME} /></label>
      <label class="field"><span>Model</span>
        <input name="model" list="models" autocomplete="off" required placeholder=${models.value ? "Type to choose" : "Loading …"}
          defaultValue=${models.value?.length === 1 ? models.value[0].handle : ""} />
      </label>
      <datalist id="models">${(models.value ?? []).map((model) => html`<option key=${model.handle} value=${model.handle}>${model.context_window.toLocaleString()} tokens</option>`)}</datalist>
      <label class="field"><span>Who the agent is</span>
        <textarea name="persona" rows="2">${PERSONA}</textarea><small>Becomes its memory block “persona”, which it may change itself.</small></label>
      <label class="field"><span>What it should know about you</span>
        <textarea name="human" rows="2" placeholder="Name: …"></textarea><small>Becomes its memory block “human”.</small></label>
      <details class="more-fields"><summary>More</summary>
        <label class="field"><span>Description</span><input name="description" autocomplete="off" /></label>
        <label class="field"><span>Tags</span><input name="tags" autocomplete="off" placeholder="home, test" /></label>
        ${embeddings.value.length > 0 && html`<label class="field"><span>Embedding model</span>
          <select name="embedding"><option value="">The server's default</option>${embeddings.value.map((model) => html`
            <option key=${model.handle} value=${model.handle}>${model.handle}</option>`)}</select></label>`}
      </details>
      <footer>
        <button type="button" onClick=${() => self.props.close()}>Cancel</button>
        <button class="primary" disabled=${busy.value}>${busy.value ? "Creating …" : "Create agent"}</button>
      </footer>
    </form>`;
});
