// Asks for the password or key when the server wants one.
import { get } from "./api.js";
import { refused, signIn } from "./session.js";
import { html, signal, view } from "./view.js";

export default view(() => {
  const busy = signal(false);
  const problem = signal("");
  async function enter(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    busy.value = true;
    problem.value = "";
    signIn(form.get("key").trim(), form.get("keep") === "on");
    refused.value = { reason: "" }; // until it is known to be right
    try {
      await get("/agents", { limit: 1 });
      refused.value = null;
    } catch (error) {
      if (error.status === 403) refused.value = null; // a key that may do other things
      else problem.value = error.status === 401 ? "This password or key is wrong." : error.message;
    }
    busy.value = false;
  }
  return () => {
    const said = problem.value || refused.value?.reason;
    return html`
      <main class="login">
        <form onSubmit=${enter}>
          <span class="mark large" aria-hidden="true">L</span>
          <h1>Sign in to your Letta server</h1>
          <p class="muted">With the server's password (<code>LETTA_SERVER_PASSWORD</code>) or an API key.</p>
          ${said && html`<p class="note bad" role="alert">${said}</p>`}
          <input type="text" name="username" autocomplete="username" value="letta" hidden />
          <label class="field"><span>Password or key</span>
            <input type="password" name="key" required autofocus autocomplete="current-password" /></label>
          <label class="check"><input type="checkbox" name="keep" /> <span>Stay signed in on this device</span></label>
          <button class="primary wide" disabled=${busy.value}>${busy.value ? "Signing in …" : "Sign in"}</button>
        </form>
      </main>`;
  };
});
