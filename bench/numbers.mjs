// Small helpers for figures.

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * Mann-Whitney U test: the probability that two samples of one distribution differ at least as much as these
 * (two-sided, normal approximation with correction for ties).
 */
export function mannWhitney(a, b) {
  const all = [...a.map((value) => [value, 1]), ...b.map((value) => [value, 0])].sort((x, y) => x[0] - y[0]);
  let [ranks, ties] = [0, 0];
  for (let first = 0; first < all.length; ) {
    let next = first;
    while (next < all.length && all[next][0] === all[first][0]) next += 1;
    const rank = (first + 1 + next) / 2;
    for (let at = first; at < next; at += 1) ranks += all[at][1] * rank;
    ties += (next - first) ** 3 - (next - first);
    first = next;
  }
  const count = all.length;
  const spread = Math.sqrt(((a.length * b.length) / 12) * (count + 1 - ties / (count * (count - 1))));
  const distance = ranks - (a.length * (a.length + 1)) / 2 - (a.length * b.length) / 2;
  return spread === 0 ? 1 : complementaryError(Math.abs(distance) / spread / Math.SQRT2);
}

/** erfc for arguments >= 0, to 7 digits (Abramowitz and Stegun 7.1.26). */
function complementaryError(x) {
  const t = 1 / (1 + 0.3275911 * x);
  const terms = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429];
  return terms.reduceRight((sum, term) => (sum + term) * t, 0) * Math.exp(-x * x);
}

/** Formats rows of cells as text in columns; the first column is left-aligned, the others are right-aligned. */
export function table(head, rows) {
  const text = [head, ...rows].map((row) => row.map((cell) => (cell === undefined ? "" : String(cell))));
  const widths = head.map((_, column) => Math.max(...text.map((row) => row[column].length)));
  const line = (row) =>
    row
      .map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd();
  return [line(text[0]), widths.map((width) => "-".repeat(width)).join("  "), ...text.slice(1).map(line)].join("\n");
}

export const kilobytes = (bytes) => (bytes / 1000).toFixed(1);
export const milliseconds = (time) => (time === undefined ? "" : time.toFixed(1));
export const whole = (number) => (number === undefined ? "" : Math.round(number).toLocaleString("en"));
