// Formats the members of an object as terms and descriptions of a list.

export function facts(object) {
  return Object.entries(object).flatMap(([name, value]) => [
    Object.assign(document.createElement("dt"), { textContent: name }),
    Object.assign(document.createElement("dd"), { textContent: text(name, value) }),
  ]);
}

function text(name, value) {
  if (/_at$|^last_login$/.test(name)) return new Date(value).toLocaleString();
  if (value !== null && typeof value === "object") return Object.values(value).join(", ") || "none";
  return String(value);
}
