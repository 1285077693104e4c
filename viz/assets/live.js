// Handles of a live figure: nodes and edges by key, numbers by role.
function liveFigure(host) {
  const svg = host.querySelector(".cr-scroll > svg");
  const nodes = new Map(), edges = new Map();
  for (const g of svg.querySelectorAll("[data-node]")) {
    const part = role => g.querySelector(".of-" + role);
    nodes.set(+g.dataset.node, {
      g, value: part("value"), grad: part("grad"), label: part("label"), count: part("count"),
    });
    g.querySelector("title")?.remove();  // it tells the last numbers
    g.setAttribute("role", "img");
    if (part("value")) g.setAttribute("tabindex", "0");  // a constant is read with its operation
  }
  const edge = key => {
    if (!edges.has(key)) edges.set(key, {});
    return edges.get(key);
  };
  for (const part of svg.querySelectorAll("[data-edge]")) {
    const kind = ["wire", "back", "local"].find(name => part.classList.contains(name));
    if (kind) edge(+part.dataset.edge)[kind] = part;
  }
  // The picture was one image with one description; now its nodes speak for themselves.
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", svg.querySelector("title").textContent);
  svg.querySelectorAll(":scope > title, :scope > desc").forEach(part => part.remove());

  const looks = {
    value: { "": "value", absent: "muted", badge: "badge", bold: "value" },
    grad: { "": "grad", absent: "muted", badge: "badge", bold: "grad bold", wrong: "is-wrong" },
  };
  function write(key, field, text, state) {
    const node = nodes.get(key), place = node[field];
    if (!place) return;
    place.textContent = text;
    place.setAttribute("class", looks[field][state] + " of-" + field);
    if (field === "grad")
      node.label.setAttribute("class", (state === "absent" ? "muted" : "grad") + " name label of-label");
  }
  const said = text => text.replace(/−/g, "minus ").replace("·", "not computed");
  function describe(key, label) {
    const node = nodes.get(key), words = [label];
    if (node.value) words.push("value " + said(node.value.textContent));
    if (node.grad) words.push("gradient " + said(node.grad.textContent));
    if (node.count && node.count.textContent) words.push(node.count.textContent);
    node.g.setAttribute("aria-label", words.join(", "));
  }
  // From a node with the focus: to its first argument, or to the first operation that uses it.
  function walk(pairs, key, back) {
    const next = back ? pairs.find(p => p[1] === key)?.[0] : pairs.find(p => p[0] === key)?.[1];
    if (next !== undefined) nodes.get(next).g.focus();
  }
  return { svg, nodes, edges, edge, write, describe, walk };
}
const near = (a, b) => Math.abs(a - b) <= Math.max(0.005 * Math.max(Math.abs(a), Math.abs(b)), 1e-12);
// −4, 0,5, 1/3 and 2e-3 are numbers; anything else is NaN.
function readNumber(text) {
  const clean = text.trim().replace(/[−–]/g, "-").replace(",", ".").replace(/\s+/g, "");
  const [top, below, more] = clean.split("/");
  const plain = t => (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(t) ? Number(t) : NaN);
  if (more !== undefined) return NaN;
  return below === undefined ? plain(top) : plain(top) / plain(below);
}
