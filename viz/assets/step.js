// The player: shows frame after frame; asks for the next number when it is to be predicted.
function stepPlayer(host, data) {
  const figure = liveFigure(host), find = name => host.querySelector(name);
  const bar = find(".cr-bar"), slider = find(".cr-slide"), say = find(".cr-say"), ask = find(".cr-ask");
  const field = find(".cr-ask .cr-field"), verdict = find(".cr-ask p");
  const scroller = find(".cr-scroll");
  const button = name => host.querySelector(`[data-do="${name}"]`);
  const right = data.frames, wrong = right.slice(0, data.shared).concat(data.wrong);
  let frames = right, at = 0, timer = null, predicting = false;

  function show(i, keepVerdict) {
    at = Math.max(0, Math.min(i, frames.length - 1));
    const frame = frames[at], counts = new Map(), bad = new Map();
    for (const [key, role, text, state] of data.blank) figure.write(key, role, text, state);
    const made = new Set(data.leaves);
    for (const past of frames.slice(0, at + 1)) {
      for (const [key, role, text, state] of past.set) figure.write(key, role, text, state);
      for (const [key, n, of] of past.counts) counts.set(key, [n, of]);
      for (const [key, text] of past.bad) bad.set(key, text);
      if (past.phase === "forward") made.add(past.node);
    }
    const lit = "lit-" + (frame.phase === "forward" || frame.phase === "given" ? "value" : "grad");
    for (const [key, node] of figure.nodes) {
      node.g.classList.remove("lit-value", "lit-grad", "bad");
      if (frame.lit.includes(key)) node.g.classList.add(lit);
      if (node.count) {
        const [n, of] = counts.get(key) || [0, 0];
        node.count.textContent = n ? `${n} of ${of} arrivals` : "";
        if (bad.has(key)) node.count.textContent += `, right: ${bad.get(key)}`;
      }
      if (bad.has(key)) {
        node.g.classList.add("bad");
        figure.write(key, "grad", node.grad.textContent, "wrong");
      }
      figure.describe(key, data.labels[key]);
    }
    data.edges.forEach(([source, target], i) => {
      const edge = figure.edge(i);
      edge.wire?.classList.toggle("on", frame.phase === "forward" && target === frame.node);
      edge.back?.classList.toggle("on", frame.edge === i);
      edge.back?.classList.toggle("later", frame.phase === "given" || frame.phase === "forward");
      edge.local?.classList.toggle("on", frame.edge === i);
      edge.local?.classList.toggle("later", !made.has(target));
    });
    slider.max = frames.length - 1;
    slider.value = at;
    slider.setAttribute("aria-valuetext", `step ${at} of ${frames.length - 1}, ${frame.phase}`);
    find(".cr-count").textContent = `${at} / ${frames.length - 1}`;
    say.className = "cr-say " + (frames === wrong && frame.phase !== "forward" ? "bad" : frame.phase);
    find(".cr-sum").replaceChildren(...frame.sum.map(([text, role]) => {
      const span = document.createElement("span");
      if (role) span.className = "t-" + role;
      span.textContent = text;
      return span;
    }));
    find(".cr-words").textContent = frame.words;
    if (host.dataset.at !== undefined) bringIntoView(frame);
    host.dataset.at = at;
    if (at === frames.length - 1) stop();
    question(keepVerdict);
  }

  // Scroll to what is lit: the figure sideways, a page of the player's own also up and down.
  function bringIntoView(frame) {
    const key = frame.node ?? frame.lit[frame.lit.length - 1];
    if (key === undefined || key === null) return;
    const box = figure.nodes.get(key).g.getBoundingClientRect(), view = scroller.getBoundingClientRect();
    const over = Math.max(0, box.right + 60 - view.right), under = Math.min(0, box.left - 60 - view.left);
    scroller.scrollLeft += under || over;
    if (!host.dataset.page) return;
    const top = find(".cr-head").getBoundingClientRect().bottom;
    scrollBy(0, Math.min(0, box.top - 10 - top) || Math.max(0, box.bottom + 10 - innerHeight));
  }

  function question(keepVerdict) {
    const next = frames[at + 1], asked = predicting && next && next.ask;
    ask.hidden = !predicting;
    if (!keepVerdict) { verdict.textContent = ""; verdict.className = ""; }
    find(".cr-ask label > span").textContent = asked ? next.ask.prompt
      : next ? "Nothing to compute here: go on." : "That was the last number.";
    field.disabled = !asked;
    field.value = "";
    ask.querySelector("[type=submit]").disabled = !asked;
    button("tell").disabled = !next;
    if (predicting && next && !next.ask && keepVerdict) show(at + 1, true);  // on to the next question
  }

  function answer() {
    const next = frames[at + 1], typed = readNumber(field.value);
    if (!next || !next.ask) return;
    if (Number.isNaN(typed)) return reply(false, "Type a number, such as −4, 0.25 or 1/3.");
    if (near(typed, next.ask.answer)) {
      reply(true, "Right: " + next.set.map(change => change[2]).join(", ") + ".");
      show(at + 1, true);
      field.focus();
      return;
    }
    const likely = next.ask.mistakes.find(([value]) => near(typed, value));
    reply(false, likely ? likely[1] : "Not that. " + next.ask.hint);
    field.select();
  }
  function reply(good, words) {
    verdict.textContent = words;
    verdict.className = good ? "yes" : "no";
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    button("play").setAttribute("aria-label", "Play");
    button("play").firstElementChild.firstElementChild.setAttribute("d", data.icons.play);
  }
  function play() {
    if (timer) return stop();
    if (at === frames.length - 1) show(0);
    timer = setInterval(() => show(at + 1), 1200);
    button("play").setAttribute("aria-label", "Pause");
    button("play").firstElementChild.firstElementChild.setAttribute("d", data.icons.pause);
  }
  const first = phase => Math.max(0, frames.findIndex(frame => frame.phase === phase));
  function toggle(name, on) {
    button(name).setAttribute("aria-pressed", on);
  }
  const actions = {
    first: () => show(0), previous: () => show(at - 1), next: () => show(at + 1),
    last: () => show(frames.length - 1), play,
    forward: () => show(first("forward")), backward: () => show(first("backward")),
    predict: () => {
      predicting = !predicting;
      stop();
      toggle("predict", predicting);
      show(predicting && at === frames.length - 1 ? 0 : at);
      if (predicting) field.focus();
    },
    wrong: () => {
      frames = frames === right ? wrong : right;
      toggle("wrong", frames === wrong);
      stop();
      show(frames === wrong ? data.shared : Math.min(at, right.length - 1));
    },
    tell: () => { show(at + 1); field.focus(); },
  };
  host.addEventListener("click", event => {
    const pressed = event.target.closest("[data-do]");
    if (!pressed || pressed.disabled) return;
    if (!["play", "predict"].includes(pressed.dataset.do)) stop();
    actions[pressed.dataset.do]();
  });
  ask.addEventListener("submit", event => { event.preventDefault(); answer(); });
  slider.addEventListener("input", () => { stop(); show(+slider.value); });
  const keys = {
    " ": "play", ArrowLeft: "previous", ArrowRight: "next", Home: "first", End: "last",
    f: "forward", b: "backward",
  };
  (host.dataset.page ? document : host).addEventListener("keydown", event => {
    const target = event.target, tag = target.tagName;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (tag === "INPUT" && target !== slider) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const node = target.closest?.("[data-node]");
    if (node && (key === "ArrowUp" || key === "ArrowDown")) {
      figure.walk(data.edges, +node.dataset.node, key === "ArrowUp");
      event.preventDefault();
      return;
    }
    if (key === " " && (tag === "BUTTON" || tag === "SUMMARY")) return;
    if (!keys[key] || (target === slider && key !== " " && key.length > 1)) return;
    if (key !== " ") stop();
    actions[keys[key]]();
    event.preventDefault();
    event.stopPropagation();  // a notebook has keys of its own
  });
  bar.hidden = say.hidden = false;
  host.dataset.ready = "1";
  show(0);
}
