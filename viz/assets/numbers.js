// Numbers as pictures write them: the same as `format_number` of viz/numbers.py, for floats.
function formatNumber(value, precision = 4) {
  if (Number.isNaN(value)) return "nan";
  const sign = value < 0 ? "−" : "", x = Math.abs(value);
  if (x === Infinity) return sign + "∞";
  if (x === 0) return "0";
  const text = magnitude(x, precision);
  return text === "0" ? text : sign + text;

  function magnitude(x, precision) {
    const [digits, power] = x.toExponential(precision - 1).split("e"), exponent = Number(power);
    if (Number.isInteger(x) && exponent < 5) return grouped(String(x));
    if (exponent < -3 || exponent >= 5) {
      const mantissa = exponent > -300 ? stripped(digits, x / 10 ** exponent) : digits;
      return mantissa + "×10" + [...String(exponent)].map(c => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻".charAt("0123456789-".indexOf(c))).join("");
    }
    if (exponent >= precision) return grouped(fixed(x, 0));
    const decimals = Math.max(precision - 1 - exponent, 0);
    const [whole, fraction] = stripped(fixed(x, decimals), x).split(".");
    return grouped(whole) + (fraction ? "." + fraction : "");
  }
  function fixed(x, decimals) {  // ties go to the even digit, as in Python
    const scaled = x * 10 ** decimals, low = Math.floor(scaled);
    if (scaled - low === 0.5 && low % 2 === 0) return (low / 10 ** decimals).toFixed(decimals);
    return x.toFixed(decimals);
  }
  function stripped(text, number) {
    if (!text.includes(".") || Math.abs(Number(text) - number) > 2 ** -23 * Math.abs(number)) return text;
    return text.replace(/0+$/, "").replace(/\.$/, "");
  }
  function grouped(digits) {
    return digits.replace(/\B(?=(\d{3})+$)/g, "\u2009");
  }
}
