// The data that an app keeps for a user: the keys that www/doorward.toml declares, and their types.

import { say } from "./say.js";

const TYPES = { theme: "string", font_size: "number", tour_done: "boolean", remind_at: "datetime", layout: "object" };
const EXAMPLES = { string: "dark", number: "16", boolean: "true", datetime: "2030-01-31T08:00:00Z", object: '{"columns": 2}' };
const $ = (id) => document.getElementById(id);

/** Sets up the part about data. Returns the function that draws it. */
export function dataForm(auth) {
  const form = $("data").querySelector("form");
  const { key, value } = form.elements;
  key.append(...Object.keys(TYPES).map((name) => new Option(name)));
  const suggest = () => (value.placeholder = EXAMPLES[TYPES[key.value]]);
  key.addEventListener("change", suggest);
  suggest();

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const isKept = await say(form, auth.setUdv(key.value, typed(TYPES[key.value], value.value)), "Saved.");
    if (isKept) value.value = "";
    draw();
  });

  async function draw() {
    const items = await auth.listUdv().catch(() => []);
    $("data").querySelector("[data-shown]").textContent = items.length || "";
    $("items").replaceChildren(...items.map((item) => row(item)));
  }

  function row({ key, value, type }) {
    const code = Object.assign(document.createElement("code"), { textContent: `${key} = ${JSON.stringify(value)}` });
    const kind = Object.assign(document.createElement("span"), { textContent: type });
    const button = Object.assign(document.createElement("button"), { className: "quiet", textContent: "Remove" });
    button.setAttribute("aria-label", `Remove ${key}`);
    button.addEventListener("click", () => say(form, auth.removeUdv(key), "Removed.").then(draw));
    const item = document.createElement("li");
    item.append(code, kind, button);
    return item;
  }
  return draw;
}

// Text of the wrong type is sent unchanged, so that the server reports the error.
function typed(type, text) {
  if (type === "string" || type === "datetime") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
