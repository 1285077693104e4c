// Folds and unfolds the modules of a model graph. All places were worked out beforehand, one scene
// a module with the modules inside it closed; opening one stretches the scene around it. The sums
// are those of scenes.py, on a grid of half pixels.
function foldGraph(host, facts) {
  const PAD = 12, ARROW = 6, MARGIN = 14, STRIP = 26;
  const scroller = host.querySelector(".cr-scroll");
  const svg = scroller.querySelector("svg");
  const stage = svg.querySelector(".stage");
  const notes = svg.querySelector(".notes");
  const said = host.querySelector(".cr-said");
  const button = (name) => host.querySelector(`[data-do="${name}"]`);
  const [APART, STEEP, WIDEST, HEAD] = facts.sizes;
  const open = new Set(facts.open);
  const px = (v) => String(Math.floor(v * 2 + 0.5) / 2);
  const grid = (v) => Math.ceil(v * 2 - 1e-6) / 2;
  const scenes = {};
  for (const [key, [items, origins, tab, at]] of Object.entries(facts.scenes)) {
    const [boxes, starts, wires, ends, routes, length, levels, beside] = facts.shapes[at];
    const links = ends.map(([source, target], n) => [source, target, origins[n]]);
    scenes[key] = { items, boxes, starts, wires, links, routes, length, levels, beside, tab };
  }

  const nameOf = (key) => facts.texts[facts.names[key]];
  function mark(key) {
    const [form, ...tip] = facts.marks[key].map((at) => facts.texts[at]);
    return (tip[0] ? `<title>${tip.join("\n")}</title>` : "") + form;
  }

  function stretch(places, apart) {
    const now = new Map();
    let before = null;
    for (const place of [...new Set(places)].sort((a, b) => a - b)) {
      let at = before === null ? place : now.get(before) + (place - before);
      for (const [other, distance] of apart.get(place) || []) {
        at = Math.max(at, now.get(other) + distance);
      }
      now.set(place, at);
      before = place;
    }
    return now;
  }

  const push = (map, key, value) => map.set(key, [...(map.get(key) || []), value]);

  function sizesOf(scene, inside) {
    return scene.boxes.map((box, i) => {
      const inner = inside.get(i);
      return inner ? [inner.length, inner.low, inner.high] : box;
    });
  }

  function ends(scene, [source, target, origin], route, found) {
    const across = route.map(([, x]) => found.xs.get(x));
    const port = (item, letter) => {
      const inner = found.inside.get(item);
      return found.xs.get(scene.wires[item]) + (inner.ports[letter + origin] - inner.anchor);
    };
    if (found.inside.has(source)) across[0] = across[1] = port(source, "o");
    if (found.inside.has(target)) across[across.length - 1] = port(target, "i");
    return across;
  }

  function settle(key) {
    const scene = scenes[key];
    const found = { inside: new Map(), ports: {} };
    scene.items.forEach(([kind, inner], i) => {
      if (kind === "g" && open.has(inner) && scenes[inner]) found.inside.set(i, settle(inner));
    });
    const sizes = sizesOf(scene, found.inside);
    const apart = new Map();
    for (const [a, i, b, j] of scene.beside) {
      const reach = (i >= 0 ? sizes[i][2] : 0) + (j >= 0 ? sizes[j][1] : 0);
      push(apart, b, [a, reach + APART]);
    }
    const passing = scene.routes.flatMap((route) => route.map(([, x]) => x));
    found.xs = stretch([...passing, ...scene.wires], apart);
    const tall = new Map();
    for (const [start, end, items] of scene.levels) {
      push(tall, end, [start, Math.max(...items.map((i) => sizes[i][0]))]);
    }
    scene.links.forEach((link, n) => {
      const route = scene.routes[n];
      const across = ends(scene, link, route, found);
      for (let k = 0; k + 1 < route.length; k++) {
        if (route[k + 1][0] > route[k][0] && across[k] !== across[k + 1]) {
          const need = Math.min(WIDEST, grid(STEEP * Math.abs(across[k] - across[k + 1])));
          push(tall, route[k + 1][0], [route[k][0], need]);
        }
      }
    });
    const down = scene.routes.flatMap((route) => route.map(([y]) => y));
    const bottoms = scene.levels.map(([, end]) => end);
    found.ys = stretch([...down, ...scene.starts, scene.length, ...bottoms], tall);
    found.length = found.ys.get(scene.length);
    let left = Infinity, right = -Infinity;
    scene.wires.forEach((x, i) => {
      left = Math.min(left, found.xs.get(x) - sizes[i][1]);
      right = Math.max(right, found.xs.get(x) + sizes[i][2]);
    });
    for (const x of passing) {
      left = Math.min(left, found.xs.get(x));
      right = Math.max(right, found.xs.get(x));
    }
    let port = scene.items.findIndex(([kind]) => kind === "i");
    scene.items.forEach(([kind, key_], i) => {
      if (kind === "i" || kind === "o") found.ports[kind + key_] = found.xs.get(scene.wires[i]);
    });
    if (port < 0) port = 0;
    found.anchor = found.xs.get(scene.wires[port]);
    found.low = found.anchor - left;
    found.high = right - found.anchor;
    if (key !== "root") {
      found.low += PAD;
      found.high += PAD;
      found.high += Math.max(0, scene.tab + PAD - found.low - found.high);
      found.length += HEAD + PAD;
    }
    return found;
  }

  function inset([kind, width, height], offset) {
    const radius = height / 2;
    if (kind === "pill") offset = Math.max(0, offset - (width / 2 - radius));
    const reach = radius - Math.sqrt(Math.max(radius * radius - offset * offset, 0));
    return Math.floor(reach * 2 + 0.5) / 2;
  }

  function wire(points, further) {
    points = points.map((p) => p.slice());
    const [x, y] = points[points.length - 1];
    if (further !== null) points[points.length - 1] = [x, y + further - ARROW + 1];
    let path = `M${px(points[0][0])} ${px(points[0][1])}`;
    for (let k = 0; k + 1 < points.length; k++) {
      const [a, b] = points[k], [c, d] = points[k + 1];
      if (d <= b && a === c) continue;
      if (a === c) path += `V${px(d)}`;
      else {
        const middle = px(Math.floor(b + d) / 2);
        path += `C${px(a)} ${middle} ${px(c)} ${middle} ${px(c)} ${px(d)}`;
      }
    }
    const line = `<path class="wire" d="${path}"/>`;
    if (further === null) return line;
    const tip = y + further;
    const head = `M${px(x)} ${px(tip)}L${px(x - 3)} ${px(tip - ARROW)}H${px(x + 3)}Z`;
    return `${line}<path class="tip" d="${head}"/>`;
  }

  function header(width) {
    const right = px(width - 0.5);
    const corners = `C0.5 4 4 0.5 8 0.5H${px(width - 8)}C${px(width - 4)} 0.5 ${right} 4 ${right} 8`;
    return `<path class="head" d="M0.5 ${STRIP}V8${corners}V${STRIP}Z"/>`;
  }

  function put(key, inner, origin, out) {
    const scene = scenes[key];
    const left = origin[0] - inner.anchor, top = origin[1];
    const sizes = sizesOf(scene, inner.inside);
    scene.items.forEach(([kind, what], i) => {
      const x = left + inner.xs.get(scene.wires[i]), y = top + inner.ys.get(scene.starts[i]);
      const at = `transform="translate(${px(x)} ${px(y)})"`;
      if (inner.inside.has(i)) {
        const [length, low, high] = sizes[i];
        out.frames.push(`<rect class="frame" data-f="${what}" x="${px(x - low)}" y="${px(y)}" ` +
          `width="${px(low + high)}" height="${px(length)}" rx="8"/>`);
        out.tabs.push(`<g class="opened" data-b="${what}" ` +
          `transform="translate(${px(x - low)} ${px(y)})">${header(low + high)}${facts.texts[facts.tabs[what]]}</g>`);
        put(what, inner.inside.get(i), [x, y + HEAD], out);
      } else if (kind === "n") {
        out.nodes.push(`<g ${at}>${mark(what)}</g>`);
      } else if (kind === "g") {
        out.closed.push(`<g class="closed" data-b="${what}" ${at}>${facts.texts[facts.closed[what]]}</g>`);
      }
    });
    scene.links.forEach((link, n) => {
      const route = scene.routes[n], [source, target] = link;
      const across = ends(scene, link, route, inner);
      const along = route.map(([y]) => inner.ys.get(y));
      along[0] = inner.ys.get(scene.starts[source]) + sizes[source][0];
      const points = across.map((x, k) => [left + x, top + along[k]]);
      if (scene.items[source][0] === "i") points.unshift([points[0][0], top - HEAD]);
      const [kind, what] = scene.items[target];
      if (kind === "o") points.push([points[points.length - 1][0], top - HEAD + inner.length]);
      let further = null;
      if (kind === "n" || (kind === "g" && !inner.inside.has(target))) {
        const form = kind === "n" ? facts.shapes[facts.forms[what]] : null;
        const lane = left + inner.xs.get(scene.wires[target]);
        further = form ? inset(form, Math.abs(points[points.length - 1][0] - lane)) : 0;
      }
      out.wires.push(wire(points, further));
    });
  }

  function dress() {
    for (const group of stage.querySelectorAll("[data-b]")) {
      const key = group.dataset.b;
      if (!scenes[key]) continue;
      const opened = group.classList.contains("opened");
      group.setAttribute("role", "button");
      group.setAttribute("tabindex", "0");
      group.setAttribute("aria-expanded", String(opened));
      group.setAttribute("aria-label", nameOf(key));
      const box = opened ? stage.querySelector(`[data-f="${key}"]`) : group.querySelector(".module");
      const hit = document.createElementNS(svg.namespaceURI, "rect");
      hit.setAttribute("class", "hit");
      const wide = Number(box.getAttribute("width"));
      const x = opened ? 0 : Number(box.getAttribute("x"));
      hit.setAttribute("x", x);
      hit.setAttribute("y", 0);
      hit.setAttribute("rx", 8);
      hit.setAttribute("width", wide);
      hit.setAttribute("height", opened ? STRIP : box.getAttribute("height"));
      group.append(hit);
      const sign = document.createElementNS(svg.namespaceURI, "text");
      sign.setAttribute("class", "sign muted");
      sign.setAttribute("x", px(x + wide - 15));
      sign.setAttribute("y", 17);
      sign.setAttribute("aria-hidden", "true");
      sign.textContent = opened ? "−" : "+";
      group.append(sign);
    }
  }

  function draw() {
    const out = { frames: [], wires: [], tabs: [], nodes: [], closed: [] };
    const root = settle("root");
    put("root", root, [root.low, 0], out);
    stage.innerHTML = [...out.frames, ...out.wires, ...out.tabs, ...out.nodes, ...out.closed].join("\n");
    const top = Number(stage.getAttribute("transform").match(/ ([\d.]+)\)/)[1]);
    const wide = root.low + root.high, below = notes ? notes.childElementCount * 18 + 8 : 0;
    let least = 0;
    for (const text of svg.querySelectorAll(":scope > .title, .notes text")) {
      least = Math.max(least, text.getComputedTextLength());
    }
    const width = Math.ceil(Math.max(wide, least) + 2 * MARGIN);
    const height = Math.ceil(top + root.length + MARGIN + below);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    if (notes) {
      [...notes.children].forEach((line, k) =>
        line.setAttribute("y", px(top + root.length + 22 + 18 * k)));
    }
    dress();
    button("unfold").disabled = !closedNow().length;
    button("fold").disabled = !open.size;
  }

  const closedNow = () =>
    [...stage.querySelectorAll(".closed[data-b]")].map((g) => Number(g.dataset.b))
      .filter((key) => scenes[key]);

  // What scrolls up and down around the figure: a notebook's panel, or the page.
  function panel() {
    for (let at = host.parentElement; at; at = at.parentElement) {
      const flow = getComputedStyle(at).overflowY;
      if ((flow === "auto" || flow === "scroll") && at.scrollHeight > at.clientHeight) return at;
    }
    return document.scrollingElement;
  }

  function toggle(key) {
    const at = () => stage.querySelector(`[data-b="${key}"]`).getBoundingClientRect();
    const before = at();
    if (open.has(key)) open.delete(key);
    else open.add(key);
    draw();
    panel().scrollTop += at().top - before.top;  // what was clicked stays where it is
    scroller.scrollLeft += at().left - before.left;
    stage.querySelector(`[data-b="${key}"]`).focus({ preventScroll: true });
    said.textContent = `${nameOf(key)} ${open.has(key) ? "opened" : "closed"}`;
  }

  const level = (key) => {
    let n = 0;
    for (let at = facts.parents[key]; at !== null; at = facts.parents[at]) n++;
    return n;
  };

  function everything(name, words) {
    const focused = host.contains(document.activeElement);
    draw();
    said.textContent = words;
    const other = button(name === "fold" ? "unfold" : "fold");
    if (focused && button(name).disabled) other.focus();  // a disabled button loses the focus
  }

  stage.addEventListener("click", (event) => {
    const group = event.target.closest('[role="button"]');
    if (group) toggle(Number(group.dataset.b));
  });
  stage.addEventListener("keydown", (event) => {
    const group = event.target.closest('[role="button"]');
    if (!group || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      toggle(Number(group.dataset.b));
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const all = [...stage.querySelectorAll('[role="button"]')]
        .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
      const next = all[all.indexOf(group) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) next.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();  // a notebook has keys of its own
  });
  button("unfold").addEventListener("click", () => {
    const shut = closedNow(), made = shut.filter((key) => facts.parents.includes(key));
    for (const key of made.length ? made : shut) open.add(key);  // single layers last
    everything("unfold", "one level opened");
  });
  button("fold").addEventListener("click", () => {
    const deepest = Math.max(...[...open].map(level));
    for (const key of [...open]) if (level(key) === deepest) open.delete(key);
    everything("fold", "one level closed");
  });
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", svg.querySelector("title").textContent);
  svg.querySelectorAll(":scope > title, :scope > desc").forEach((part) => part.remove());
  host.querySelector(".cr-bar").hidden = false;
  host.dataset.ready = "1";
  draw();
}
