// A form on the page: the values of its controls, and a message on one of them. A control may be called `elements` or `submit` and then hides
// the form's own property of that name. So nothing is read from the form object itself: the properties are taken from the DOM's classes.

/** The controls of a form. */
export const controlsOf = (form) => [...Reflect.get(HTMLFormElement.prototype, "elements", form)];

/**
 * The values of a form's controls by name: `{ text }`, for a checkbox `flag` too, for a number input `number`, or a `fault`. A dot
 * in the name nests, in `inner`. `data` is the form's FormData. The objects have no prototype: a control may have any name.
 */
export function valuesOf(data, elements) {
  const special = ({ name, type }) => name && ["checkbox", "number", "select-multiple"].includes(type);
  // `:disabled` also knows of a disabled fieldset around it.
  const controls = elements.filter((control) => special(control) && !control.matches(":disabled"));
  const names = new Set([...data.keys(), ...controls.filter(({ type }) => type === "checkbox").map(({ name }) => name)]);
  const values = Object.create(null);
  for (const name of names) {
    const given = valueOf(data.getAll(name), controls.filter((control) => control.name === name));
    if (!given) continue;
    const path = name.split(".");
    const last = path.pop();
    let within = values;
    for (const step of path) within = (within[step] ??= {}).inner ??= Object.create(null);
    within[last] = { ...within[last], ...given };
  }
  return values;
}

// The value of all entries of one name.
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
  return Number.isNaN(number) ? { text: first, value: "" } : { text: first, number, value: number };
}

/**
 * Tells the page of the error of a call that was given an event or a form: dispatches `doorward:error` there. Answers false if the page shows
 * the error in its own way.
 */
export const announce = (target, error) =>
  EventTarget.prototype.dispatchEvent.call(
    target,
    new CustomEvent("doorward:error", { bubbles: true, cancelable: true, composed: true, detail: error }),
  );

const shown = new WeakMap(); // by form, what ends its message

/** Shows a message on a control, until something in the form changes or is submitted: it must never block a later submit (D-26). */
export function showMessage(form, control, message) {
  shown.get(form)?.abort();
  const ends = new AbortController();
  shown.set(form, ends);
  // A button has no value that could be wrong.
  const isMarked = control.type !== "submit" && !control.hasAttribute("aria-invalid");
  if (isMarked) control.setAttribute("aria-invalid", "true");
  ends.signal.addEventListener("abort", () => {
    control.setCustomValidity("");
    if (isMarked) control.removeAttribute("aria-invalid");
  });
  control.setCustomValidity(message);
  control.reportValidity();
  const contains = (target) => Node.prototype.contains.call(form, target);
  // Was something in the form changed, or is it about to be submitted?
  const concerns = ({ type, key, target }) => {
    if (type === "click") return target.closest?.("button,[type=submit],[type=image]")?.form === form;
    // Enter submits a form that has no button.
    return type !== "keydown" || key === "Enter";
  };
  const clear = (event) => concerns(event) && ends.abort();
  // Controls may stand outside the form. Nothing is added to the document: it outlives the form.
  for (const target of [form, ...controlsOf(form).filter((other) => !contains(other))])
    for (const type of ["input", "change", "click", "keydown"])
      EventTarget.prototype.addEventListener.call(target, type, clear, { capture: true, signal: ends.signal });
}
