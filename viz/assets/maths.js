// The engine's operations on single numbers, where JavaScript's Math has none of that meaning.
// Arguments stand as in the engine: inputs first, then parameters.
const M = (() => {
  const sigmoid = x => (x >= 0 ? 1 / (1 + Math.exp(-x)) : 1 - 1 / (1 + Math.exp(x)));
  const relu = x => (x > 0 || x !== x ? x : 0);
  const softplus = (x, beta = 1, threshold = 20) =>
    x * beta > threshold ? x : logaddexp(x * beta, 0) / beta;
  const logaddexp = (a, b) =>
    a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
  const sinc = x => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  const sincSlope = x =>
    x === 0 ? 0 : (Math.cos(Math.PI * x) - Math.sin(Math.PI * x) / (Math.PI * x)) / x;
  const round = x => {
    const low = Math.floor(x), rest = x - low;
    return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
  };
  const remainder = (a, b) => (b === 0 ? NaN : a - b * Math.floor(a / b));

  // erf by its series with positive terms, erfc by its continued fraction where 1 − erf loses digits
  const erf = x => {
    const size = Math.abs(x);
    if (size > 6) return Math.sign(x);
    if (size >= 2) return Math.sign(x) * (1 - erfc(size));
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  };
  const erfc = x => {
    if (x < 2) return 1 - erf(x);
    let tail = x;
    for (let n = 120; n > 0; n--) tail = x + n / 2 / tail;
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
  };
  const erfinv = y => {
    if (Math.abs(y) >= 1) return Math.abs(y) === 1 ? y * Infinity : NaN;
    const l = Math.log1p(-y * y), c = 2 / (Math.PI * 0.147) + l / 2;
    let x = Math.sign(y) * Math.sqrt(Math.sqrt(c * c - l / 0.147) - c);
    for (let k = 0; k < 4; k++) {  // Newton
      const miss = y > 0.5 ? (1 - y) - erfc(x) : y < -0.5 ? erfc(-x) - (1 + y) : erf(x) - y;
      x -= miss * Math.sqrt(Math.PI) / 2 * Math.exp(x * x) * 1;
    }
    return x;
  };

  // Gamma's relatives: up by the recurrence, then the asymptotic series with Bernoulli's numbers
  const B = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6];
  const lgamma = x => {
    if (x <= 0 && x === Math.floor(x)) return Infinity;
    if (x < 0.5)
      return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lgamma(1 - x);
    let shift = 1;
    while (x < 12) shift *= x++;
    let sum = 0;
    B.forEach((b, k) => { sum += b / ((2 * k + 2) * (2 * k + 1) * x ** (2 * k + 1)); });
    return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + sum - Math.log(shift);
  };
  const digamma = x => {
    if (x <= 0 && x === Math.floor(x)) return x === 0 ? -Infinity : NaN;
    let sum = 0;
    while (x < 12) sum -= 1 / x++;
    sum += Math.log(x) - 0.5 / x;
    B.forEach((b, k) => { sum -= b / ((2 * k + 2) * x ** (2 * k + 2)); });
    return sum;
  };
  const factorial = n => { let p = 1; for (let k = 2; k <= n; k++) p *= k; return p; };
  const polygamma = (x, n) => {
    if (n === 0) return digamma(x);
    let sum = 0;
    while (x < 16 + n) sum += factorial(n) / x++ ** (n + 1);
    sum += factorial(n - 1) / x ** n + factorial(n) / (2 * x ** (n + 1));
    B.forEach((b, k) => {
      const m = 2 * k + 2;
      sum += b * factorial(m + n - 1) / factorial(m) / x ** (m + n);
    });
    return n % 2 ? sum : -sum;
  };

  const gelu = (x, approximate) => approximate === "tanh"
    ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    : 0.5 * x * erfc(-x / Math.SQRT2);
  const elu = (x, alpha, scale, input_scale) =>
    scale * (x > 0 ? x : alpha * Math.expm1(x * input_scale));
  const clamp = (x, low, high) => {
    if (x !== x) return x;
    if (low !== null && low !== undefined && x < low) x = low;
    return high !== null && high !== undefined && x > high ? high : x;
  };
  const smooth_l1_loss = (a, b, beta) => {
    const d = Math.abs(a - b);
    return d < beta ? 0.5 * d * d / beta : d - 0.5 * beta;
  };
  const huber_loss = (a, b, delta) => {
    const d = Math.abs(a - b);
    return d <= delta ? 0.5 * d * d : delta * (d - 0.5 * delta);
  };
  const xlogy = (a, b) => (a === 0 && b === b ? 0 : a * Math.log(b));
  const either = (a, b, pick) => (a !== a ? b : b !== b ? a : pick(a, b));
  return {
    sigmoid, relu, softplus, logaddexp, sinc, sinc_slope: sincSlope, round, remainder, erf, erfc,
    erfinv, lgamma, digamma, polygamma, gelu, elu, clamp, smooth_l1_loss, huber_loss, xlogy,
    sech2: x => 1 / Math.cosh(x) ** 2,
    pow: (a, b) => (a === 1 || b === 0 ? 1 : a ** b),
    logaddexp2: (a, b) => logaddexp(a * Math.LN2, b * Math.LN2) / Math.LN2,
    floor_divide: (a, b) => Math.floor(a / b),
    fmod: (a, b) => a % b,
    copysign: (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a)),
    fmax: (a, b) => either(a, b, Math.max),
    fmin: (a, b) => either(a, b, Math.min),
    leaky_relu: (x, slope) => (x > 0 ? x : slope * x),
    silu: x => x * sigmoid(x),
    mish: x => x * Math.tanh(softplus(x)),
    logsigmoid: x => -softplus(-x, 1, Infinity),
    hardtanh: clamp,
    hardsigmoid: x => clamp(x / 6 + 0.5, 0, 1),
    hardswish: x => x * clamp(x / 6 + 0.5, 0, 1),
    hardshrink: (x, edge) => (x >= -edge && x <= edge ? 0 : x),
    softshrink: (x, edge) => (x > edge ? x - edge : x < -edge ? x + edge : x * 0),
    threshold: (x, edge, value) => (x <= edge ? value : x),
    prelu: (x, slope) => (x > 0 ? x : slope * x),
    bounded: (x, edge) => clamp(x, -edge, edge),
    logit: (x, eps) => {
      if (eps !== null && eps !== undefined) x = clamp(x, eps, 1 - eps);
      return Math.log(x / (1 - x));
    },
    logistic_loss: (x, target) => softplus(x, 1, Infinity) - x * target,
    binary_cross_entropy: (x, t) =>
      -(t * Math.max(Math.log(x), -100) + (1 - t) * Math.max(Math.log1p(-x), -100)),
    mse_loss: (a, b, reduction, divisor) => (a - b) ** 2 / (reduction === "mean" ? divisor : 1),
  };
})();
