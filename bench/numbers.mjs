// Small helpers for figures.

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Rows of cells as text with aligned columns; the first column to the left, the others to the right. */
export function table(head, rows) {
  const text = [head, ...rows].map((row) => row.map((cell) => (cell === undefined ? "" : String(cell))));
  const widths = head.map((_, column) => Math.max(...text.map((row) => row[column].length)));
  const line = (row) => row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join("  ").trimEnd();
  return [line(text[0]), widths.map((width) => "-".repeat(width)).join("  "), ...text.slice(1).map(line)].join("\n");
}

export const kilobytes = (bytes) => (bytes / 1000).toFixed(1);
export const milliseconds = (time) => (time === undefined ? "" : time.toFixed(1));
export const whole = (number) => (number === undefined ? "" : Math.round(number).toLocaleString("en"));
