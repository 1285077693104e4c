// What if: the leaves can be dragged, and everything that hangs on them is computed again.
function whatIf(host, program, data) {
  const figure = liveFigure(host);
  const leaves = { ...data.values };

  function show() {
    const { value, gradient, local } = host.state = runProgram(program, leaves, data.root);  // unrounded, for whoever looks
    for (const key of figure.nodes.keys()) {
      put(key, "value", value[key]);
      if (data.graded.includes(key)) put(key, "grad", gradient[key]);
      figure.describe(key, data.labels[key]);
    }
    program.edges.forEach(([, , f, , prefix], i) => {
      const place = figure.edge(i).local?.querySelector(".of-local");
      if (f && place && prefix !== null) place.textContent = prefix + formatNumber(local[i], data.precision);
    });
    const root = formatNumber(value[data.root], data.precision);
    host.querySelector(".cr-result").textContent = `${data.name} = ${root}`;
  }
  function put(key, field, x) {
    if (x === undefined) return;
    const zero = x === 0 && field === "grad";
    figure.write(key, field, formatNumber(x, data.precision), Number.isFinite(x) ? (zero ? "bold" : "") : "badge");
  }

  const rows = [...host.querySelectorAll("[data-leaf]")];
  function set(row, x, from) {
    const key = +row.dataset.leaf, [slide, field] = row.querySelectorAll("input");
    leaves[key] = x;
    if (from !== field) field.value = String(+x.toPrecision(6));
    if (from !== slide) {
      if (x < +slide.min) slide.min = x;
      if (x > +slide.max) slide.max = x;
      slide.value = x;
    }
    slide.setAttribute("aria-valuetext", formatNumber(x, data.precision));
  }
  for (const row of rows) {
    const [slide, field] = row.querySelectorAll("input");
    slide.addEventListener("input", () => { set(row, +slide.value, slide); show(); });
    field.addEventListener("input", () => {
      const typed = readNumber(field.value);
      field.setAttribute("aria-invalid", Number.isNaN(typed));
      if (!Number.isNaN(typed)) { set(row, typed, field); show(); }
    });
  }
  function reset() {
    for (const row of rows) {
      row.querySelectorAll("input")[1].setAttribute("aria-invalid", false);
      set(row, data.values[row.dataset.leaf]);
    }
    show();
  }
  host.querySelector('[data-do="reset"]').addEventListener("click", reset);
  host.addEventListener("keydown", event => {
    const node = event.target.closest?.("[data-node]");
    const back = ["ArrowLeft", "ArrowUp"].includes(event.key);
    if (!node || !(back || ["ArrowRight", "ArrowDown"].includes(event.key))) return;
    figure.walk(program.edges, +node.dataset.node, back);
    event.preventDefault();
    event.stopPropagation();
  });
  host.querySelectorAll("[data-live]").forEach(part => { part.hidden = false; });
  host.dataset.ready = "1";
  reset();
}
