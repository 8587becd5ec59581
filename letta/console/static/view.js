// Components: a function that is called once for each place it is used in, and returns the function that draws it.
// What a drawing reads of signals is what it is drawn anew for.
import { Component, h, render } from "./parts/preact/preact.mjs";
import htm from "./parts/htm/htm.module.js";
import { batch, computed, effect, signal, untracked } from "./parts/signals-core/signals-core.module.js";

export { batch, computed, effect, render, signal, untracked };
export const html = htm.bind(h);

let current = null;

/** `setup(self)` gets the component, whose `props` are always the newest, and returns `draw(props)`. */
export function view(setup) {
  return class extends Component {
    constructor(props) {
      super(props);
      this.mounted = [];
      this.ended = [];
      const outer = current;
      current = this;
      try {
        this.draw = untracked(() => setup(this));
      } finally {
        current = outer;
      }
    }

    componentDidMount() {
      for (const begin of this.mounted) {
        const end = begin();
        if (typeof end === "function") this.ended.push(end);
      }
    }

    componentWillUnmount() {
      this.forget?.();
      for (const end of this.ended) end();
    }

    render(props) {
      this.forget?.();
      let drawn;
      let first = true;
      this.forget = effect(() => {
        if (first) drawn = this.draw(props);
        else untracked(() => this.setState({}));
        first = false;
      });
      return drawn;
    }
  };
}

/** Run something when the component is on the page. What it returns is run when it leaves. */
export function onMount(begin) {
  current.mounted.push(begin);
}

export function onLeave(end) {
  current.ended.push(end);
}

/** An effect that lasts as long as the component is on the page. */
export function watch(action) {
  onMount(() => effect(action));
}

const USED = 10 * 60 * 1000;

/** Something done every so many milliseconds, while the page is looked at and was used in the last ten minutes: a page
    that was left open must not keep a server from sleeping. */
export function whileUsed(interval, action) {
  let used = Date.now();
  const note = () => (used = Date.now());
  for (const name of ["pointermove", "keydown", "visibilitychange"]) listen(document, name, note);
  onMount(() => {
    const timer = setInterval(() => !document.hidden && Date.now() - used < USED && action(), interval);
    return () => clearInterval(timer);
  });
}

/** A listener that lasts as long as the component is on the page. */
export function listen(target, name, action) {
  onMount(() => {
    target.addEventListener(name, action);
    return () => target.removeEventListener(name, action);
  });
}
