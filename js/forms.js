// A form on the page: what its controls say, telling a person what is wrong with one, and where the form leads.
//
// A control may be called `elements`, `action` or `submit` and then hides the form's own property of that name. So nothing
// is read from the form object itself: the properties are taken from the DOM's classes.

const attempt = (read) => {
  try {
    return read();
  } catch {
    return undefined; // of another class
  }
};
const elementsOf = (form) => attempt(() => Reflect.get(HTMLFormElement.prototype, "elements", form));
const attribute = (element, name) => attempt(() => Element.prototype.getAttribute.call(element, name)) ?? undefined;

// What the wasm takes in of an event, a form or a FormData; nothing for anything else. `values` has under each name what
// the control says: `{ text }`, of a checkbox `flag` too, of a number input `number`, or a `fault`; a dot nests, in `inner`.
export function taken(input) {
  if (attempt(() => FormData.prototype.has.call(input, "")) !== undefined) return { values: valuesOf(input, []) };
  const event = typeof input?.nativeEvent === "object" ? input.nativeEvent : input;
  const form = elementsOf(input) ? input : event?.target;
  const elements = elementsOf(form);
  // An event without a form: a click that asks to sign out, say.
  const isEvent = [input, event].some((one) => typeof one?.preventDefault === "function");
  if (!elements) return isEvent ? { values: {} } : undefined;
  const submitter = form === input ? undefined : event.submitter;
  const goal = goalOf(attribute(submitter, "formaction") ?? attribute(form, "action"));
  const special = ({ name, type }) => name && ["checkbox", "number", "select-multiple"].includes(type);
  // `:disabled` also knows of a disabled fieldset around it.
  const controls = [...elements].filter((control) => special(control) && !control.matches(":disabled"));
  return {
    // The submitter may be none of this form's, and a browser too old to know of submitters.
    values: valuesOf(attempt(() => new FormData(form, submitter)) ?? new FormData(form), controls),
    complain: (field, message) => complain(form, elements, field, message),
    // In a later task than the handlers of the promise that is being resolved (D-27). `navigate` is the client's option:
    // `false`, or a function that takes over.
    follow(navigate) {
      if (!goal || navigate === false) return;
      setTimeout(() => (typeof navigate === "function" ? navigate(goal) : location.assign(goal.href)));
    },
  };
}

// The address that a form leads to; http and https only.
function goalOf(action) {
  const url = action && attempt(() => new URL(action, document.baseURI));
  return /^https?:$/.test(url?.protocol) ? url : undefined;
}

function valuesOf(data, controls) {
  const names = new Set([...data.keys(), ...controls.filter(({ type }) => type === "checkbox").map(({ name }) => name)]);
  const values = Object.create(null);
  for (const name of names) {
    const given = valueOf(data.getAll(name), controls.filter((control) => control.name === name));
    if (!given) continue;
    let within = values;
    const path = name.split(".");
    const last = path.pop();
    for (const step of path) within = (within[step] ??= {}).inner ??= Object.create(null);
    within[last] = { ...within[last], ...given };
  }
  return values;
}

// All that was given under one name.
function valueOf(entries, [control, another]) {
  const type = control?.type;
  if (type === "checkbox" && !another) {
    // One checkbox is a boolean, also beside the hidden control that some frameworks put there.
    const text = control.checked ? (control.getAttribute("value") ?? "on") : undefined;
    return { flag: control.checked, text, value: control.checked };
  }
  // A file control that was left empty gives a file without name and content.
  const [first, second] = entries.filter((entry) => typeof entry === "string" || entry.name || entry.size);
  if (first === undefined) return undefined;
  if (typeof first !== "string") return { fault: "A file cannot be sent here." };
  if (second !== undefined || type === "select-multiple" || type === "checkbox")
    return { fault: "Only one value can be given here." };
  if (type !== "number" || another) return { text: first, value: first };
  const number = control.valueAsNumber;
  return { text: first, number, value: Number.isNaN(number) ? "" : number };
}

// Shows what is wrong with a field on its control, until something in the form changes or it is submitted again (D-26):
// what is set here must never block a later submit.
function complain(form, elements, field, message) {
  // A control may have the field's name in camelCase; an operator's field is `extras.coins` in a form, and `coins` for the
  // server.
  const plain = (name) => name.replace(/^extras\.|_/g, "").toLowerCase();
  const control = [...elements].find(({ name, willValidate }) => willValidate && plain(name) === plain(field));
  if (!control) return;
  control.setCustomValidity(message);
  control.reportValidity();
  const ends = new AbortController();
  const contains = (target) => Node.prototype.contains.call(form, target);
  // Was something in the form changed, or is it about to be submitted?
  const concerns = ({ type, key, target }) => {
    if (type === "click") return target.closest?.("button,[type=submit],[type=image]")?.form === form;
    // Enter submits a form that has no button.
    if (type === "keydown") return key === "Enter" && contains(target);
    return target.form === form || contains(target);
  };
  const clear = (event) => {
    if (!concerns(event)) return;
    control.setCustomValidity("");
    ends.abort();
  };
  const root = Node.prototype.getRootNode.call(form);
  for (const type of ["input", "change", "click", "keydown"])
    root.addEventListener(type, clear, { capture: true, signal: ends.signal });
}
