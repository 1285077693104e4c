// Arrow keys in a drawing. Along the flow: to the first argument, or to the first operation that
// uses a value; across it: to the other arguments there. `edges` are [source, target] by slots.
function walkAlongEdges(svg, edges, turned) {
  const [back, on, before, after] = turned
    ? ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]
    : ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
  const node = key => svg.querySelector(`#${svg.id}-n${key}[tabindex]`);  // constants have no stop
  const sources = key => edges.filter(([, b]) => b === key).map(([a]) => a).filter(node);
  const uses = key => edges.filter(([a]) => a === key).map(([, b]) => b);
  const across = key => {
    const box = node(key).getBoundingClientRect();
    return turned ? box.x + box.width / 2 : box.y + box.height / 2;
  };
  const beside = key => [...new Set([key, ...uses(key).flatMap(sources), ...sources(key).flatMap(uses)])]
    .sort((a, b) => across(a) - across(b));
  svg.addEventListener("keydown", event => {
    const here = event.target.closest("[tabindex]");
    if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = Number(here.id.slice(svg.id.length + 2));
    const row = [before, after].includes(event.key) ? beside(key) : [];
    const next = {
      [back]: () => sources(key)[0],
      [on]: () => uses(key)[0],
      [before]: () => row[row.indexOf(key) - 1],
      [after]: () => row[row.indexOf(key) + 1],
    }[event.key]?.();
    if (next === undefined) return;
    node(next).focus();
    event.preventDefault();
  });
}
