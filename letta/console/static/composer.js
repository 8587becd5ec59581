// Where one writes: text and pictures.
import { icon } from "./icons.js";
import { attempt, toast } from "./ui.js";
import { html, onMount, signal, view, watch } from "./view.js";

const LONGEST_SIDE = 1600;
const LARGEST = 1_500_000;

export const Composer = view((self) => {
  const text = signal("");
  const pictures = signal([]);
  let field;

  const fit = () => {
    if (!field) return;
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, innerHeight * 0.4)}px`;
  };
  watch(() => {
    text.value;
    requestAnimationFrame(fit); // once it is drawn
  });
  onMount(() => {
    if (matchMedia("(hover: hover)").matches) field?.focus();
  });

  async function submit(event) {
    event?.preventDefault();
    const { conversation } = self.props;
    if (conversation.live.value || (!text.value.trim() && !pictures.value.length)) return;
    const parts = pictures.value.map(({ media_type, data }) => ({ type: "image", source: { type: "base64", media_type, data } }));
    const content = parts.length ? [...parts, ...(text.value.trim() ? [{ type: "text", text: text.value }] : [])] : text.value;
    const kept = { text: text.value, pictures: pictures.value };
    text.value = "";
    pictures.value = [];
    self.props.onSend();
    await conversation.send(content);
    if (conversation.problem.value && !text.value) {
      text.value = kept.text; // nothing that was typed is lost
      pictures.value = kept.pictures;
    }
  }

  async function add(files) {
    for (const file of files) {
      const picture = file.type.startsWith("image/") && (await read(file).catch(() => null));
      if (picture) pictures.value = [...pictures.value, picture];
      else toast(`${file.name} is no image that can be read.`, "error");
    }
  }

  function press(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  }

  function paste(event) {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    add(files);
  }

  return ({ conversation, waits }) => {
    const live = conversation.live.value;
    return html`
      <form class="composer" onSubmit=${submit} onDragOver=${(event) => event.preventDefault()}
        onDrop=${(event) => { event.preventDefault(); add([...event.dataTransfer.files]); }}>
        ${pictures.value.length > 0 && html`<ul class="pictures">${pictures.value.map((picture, place) => html`
          <li key=${picture.data.length + picture.name}><img alt=${picture.name} src=${`data:${picture.media_type};base64,${picture.data}`} />
            <button type="button" class="bare" aria-label=${`Remove ${picture.name}`}
              onClick=${() => (pictures.value = pictures.value.filter((_, other) => other !== place))}>${icon("close")}</button></li>`)}</ul>`}
        <div class="line">
          <label class="button bare" title="Add an image">${icon("image")}<span class="visually-hidden">Add an image</span>
            <input type="file" class="hidden-input" accept="image/*" multiple onChange=${(event) => { add([...event.target.files]); event.target.value = ""; }} /></label>
          <textarea rows="1" aria-label="Message" placeholder=${waits ? "Answer the question above first" : "Write a message"} value=${text.value} disabled=${waits}
            ref=${(element) => (field = element ?? field)} onInput=${(event) => (text.value = event.target.value)} onKeyDown=${press} onPaste=${paste}></textarea>
          ${live
            ? html`<button type="button" class="round" aria-label="Stop" title="Stop" disabled=${!live.runId || live.state === "stopping"}
                onClick=${() => attempt(() => conversation.stop())}>${icon("stop")}</button>`
            : html`<button class="round primary" aria-label="Send" title="Send" disabled=${waits || (!text.value.trim() && !pictures.value.length)}>${icon("send")}</button>`}
        </div>
      </form>`;
  };
});

/** A picture, made smaller where it is larger than models look at. */
async function read(file) {
  let blob = file;
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const known = ["image/png", "image/jpeg", "image/gif", "image/webp"].includes(file.type);
  if (scale < 1 || file.size > LARGEST || !known) {
    const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    blob = await canvas.convertToBlob({ type: file.type === "image/png" && file.size < LARGEST ? "image/png" : "image/jpeg", quality: 0.88 });
  }
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let binary = "";
  for (let start = 0; start < bytes.length; start += 32_768) binary += String.fromCharCode(...bytes.subarray(start, start + 32_768));
  return { name: file.name, media_type: blob.type, data: btoa(binary) };
}
