// Folders with the files that agents may look into.
import { get, post, remove, request } from "./api.js";
import { icon } from "./icons.js";
import { ask, attempt, confirm, count, empty, loaded, loader, moreButton, pager, problem, toast, when } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

const STATES = { completed: "good", error: "bad" };

export default view(() => {
  const list = pager((page) => get("/folders", { ...page, order: "desc" }), 50);
  onMount(() => void list.reload());

  async function add() {
    const act = (name) => post("/folders", { name: name.trim() });
    if (await ask({ title: "New folder", label: "Name", action: "Create", act })) list.reload();
  }

  async function drop(folder) {
    if (!(await confirm({ title: `Delete ${folder.name}?`, text: "All files in it are deleted for good." }))) return;
    if (await attempt(() => remove(`/folders/${folder.id}`), "Deleted.")) list.reload();
  }

  return () => html`
    <header class="page"><h1>Folders</h1><div class="actions"><button class="primary" onClick=${add}>${icon("plus")} New folder</button></div></header>
    ${list.error.value && problem(list.error.value)}
    ${list.items.value?.length === 0 && !list.error.value && empty("folders", "No folders", "Upload files to a folder and attach it to agents, which can then read and search the files.")}
    ${list.items.value?.length > 0 && html`<ul class="rows">${list.items.value.map((folder) => html`<${Folder} key=${folder.id} folder=${folder} alone=${list.items.value.length === 1} onDelete=${() => drop(folder)} />`)}</ul>${moreButton(list)}`}`;
});

const Folder = view((self) => {
  const { folder } = self.props;
  const { state, load } = loader(() => get(`/folders/${folder.id}/files`, { limit: 200 }));
  const waiting = signal(0); // files that are still to be sent
  let timer;
  onMount(() => () => clearTimeout(timer));

  /** Look again while files are being read. */
  async function look() {
    await load();
    const busy = (state.value?.value ?? []).some((file) => !(file.processing_status in STATES));
    clearTimeout(timer);
    if (busy) timer = setTimeout(look, 1500);
  }

  /** One by one; what can't be taken doesn't keep back the others. */
  async function upload(event) {
    const files = [...event.target.files];
    event.target.value = "";
    waiting.value += files.length;
    for (const file of files) {
      const form = new FormData();
      form.append("file", file);
      try {
        await request("POST", `/folders/${folder.id}/upload`, { form });
      } catch (error) {
        toast(`${file.name}: ${error.message}`, "error");
      }
      waiting.value--;
    }
    await look();
  }

  async function drop(file) {
    if (await attempt(() => remove(`/folders/${folder.id}/${file.id}`))) load();
  }

  return () => html`<li><details open=${self.props.alone} onToggle=${(event) => event.target.open && !state.value && look()}>
    <summary>${folder.name} <span class="muted">${folder.description ?? ""}</span></summary>
    <div class="stack">
      <div class="row"><label class="button small">${icon("upload")} Upload files<input type="file" class="hidden-input" multiple onChange=${upload} /></label>
        ${waiting.value > 0 && html`<span class="muted" role="status">Uploading ${waiting.value} …</span>`}
        <button class="small" onClick=${self.props.onDelete}>${icon("trash")} Delete the folder</button></div>
      ${loaded(state.value, (files) => files.length === 0 ? html`<p class="muted">No files yet.</p>` : html`<ul class="passages">${files.map((file) => html`
        <li key=${file.id} class="row spread"><span class="grow">${file.original_file_name ?? file.file_name} <small>${file.file_size ? `${count(Math.ceil(file.file_size / 1024))} kB` : ""} ${when(file.created_at)}</small>
          ${file.error_message && html`<br /><small>${file.error_message}</small>`}</span>
          <span class="row"><span class=${`badge ${STATES[file.processing_status] ?? "busy"}`}>${file.processing_status === "completed" ? "ready" : file.processing_status}</span>
          <button class="bare" title="Delete" aria-label=${`Delete ${file.file_name}`} onClick=${() => drop(file)}>${icon("trash")}</button></span></li>`)}</ul>`)}
    </div></details></li>`;
});
