// Runs a program of single numbers: values forward, local derivatives, gradients backward.
function runProgram(program, leaves, root) {
  const narrow = (key, x) => (program.single.includes(+key) ? Math.fround(x) : x);
  const value = {}, gradient = { [root]: 1 };
  for (const key of Object.keys(leaves)) value[key] = narrow(key, leaves[key]);
  for (const [key, f] of program.forward) value[key] = narrow(key, f(value));
  const local = program.edges.map(([, , f]) => (f ? f(value) : null));
  for (const i of program.backward) {
    const [source, target, , gated] = program.edges[i];
    if (!(target in gradient)) continue;
    const sent = gated && local[i] === 0 ? 0 : gradient[target] * local[i];
    gradient[source] = narrow(source, source in gradient ? gradient[source] + sent : sent);
  }
  return { value, gradient, local };
}
