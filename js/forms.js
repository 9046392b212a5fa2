// A form on the page: the values of its controls, and the message on one of them. A control named `elements` or
// `submit` hides the form's own property of that name, so this code takes properties from the DOM's classes.

/**
 * A control of any kind. A property that another kind of control has is undefined.
 * @typedef {HTMLInputElement} Control
 * @typedef {import("./errors.js").AuthError} AuthError
 * @typedef {{ text?: string, flag?: boolean, number?: number, value?: unknown, fault?: string, inner?: Values }} Value
 * @typedef {{ [name: string]: Value }} Values
 */

/** The controls of a form. */
export const controlsOf = (/** @type {HTMLFormElement} */ form) =>
  /** @type {Control[]} */ ([...Reflect.get(HTMLFormElement.prototype, "elements", form)]);

/**
 * Returns the values of a form's controls by name: `{ text }`, for a checkbox also `flag`, for a number input `number`,
 * or a `fault`. A dot in a name nests the value in `inner`. `data` is the form's FormData. The objects have no
 * prototype, because a control may have any name.
 * @param {FormData} data
 * @param {Control[]} elements
 */
export function valuesOf(data, elements) {
  const special = (/** @type {Control} */ { name, type }) => name && ["checkbox", "number", "select-multiple"].includes(type);
  // `:disabled` also matches inside a disabled fieldset.
  const controls = elements.filter((control) => special(control) && !control.matches(":disabled"));
  const names = new Set([...data.keys(), ...controls.filter(({ type }) => type === "checkbox").map(({ name }) => name)]);
  /** @type {Values} */
  const values = Object.create(null);
  for (const name of names) {
    const given = valueFrom(
      data.getAll(name),
      controls.filter((control) => control.name === name),
    );
    if (!given) continue;
    const path = name.split(".");
    const last = /** @type {string} */ (path.pop());
    let within = values;
    for (const step of path) within = (within[step] ??= {}).inner ??= Object.create(null);
    within[last] = { ...within[last], ...given };
  }
  return values;
}

/**
 * Returns the value of all entries with the same name.
 * @param {FormDataEntryValue[]} entries
 * @param {Control[]} controls
 * @returns {Value | undefined}
 */
function valueFrom(entries, [control, another]) {
  const type = control?.type;
  if (type === "checkbox" && !another) {
    // A single checkbox is a boolean, also with the hidden control that some frameworks add.
    const text = control.checked ? (control.getAttribute("value") ?? "on") : undefined;
    return { flag: control.checked, text, value: control.checked };
  }
  // An empty file control yields a file without name and content.
  const [first, second] = entries.filter((entry) => typeof entry === "string" || entry.name || entry.size);
  if (first === undefined) return undefined;
  if (typeof first !== "string") return { fault: "A file cannot be sent here." };
  if (second !== undefined || type === "select-multiple" || type === "checkbox") return { fault: "Only one value can be given here." };
  if (type !== "number" || another) return { text: first, value: first };
  const number = control.valueAsNumber;
  return Number.isNaN(number) ? { text: first, value: "" } : { text: first, number, value: number };
}

/** @type {WeakMap<AuthError, boolean>} announced errors: true if the page handled the error or it was shown */
const told = new WeakMap();

/**
 * Dispatches `doorward:error` for the error of a call with an event or a form. Returns false if the page handles the
 * error itself.
 * @param {EventTarget} target
 * @param {AuthError} error
 */
export function announce(target, error) {
  const event = new CustomEvent("doorward:error", { bubbles: true, cancelable: true, composed: true, detail: error });
  const isLeft = EventTarget.prototype.dispatchEvent.call(target, event);
  told.set(error, !isLeft);
  return isLeft;
}

/** @type {WeakMap<HTMLFormElement, AbortController>} per form: ends its current message */
const shown = new WeakMap();

/**
 * Shows a message on a control until something in the form changes or the user leaves the control. The message must
 * never block a later submit (D-26).
 * @param {HTMLFormElement} form
 * @param {Control} control
 * @param {string} message
 * @param {AuthError} error
 */
export function showMessage(form, control, message, error) {
  /** @type {HTMLDetailsElement | null | undefined} */
  let part = control.closest("details");
  for (; part; part = part.parentElement?.closest("details")) part.open = true;
  if (!control.isConnected || control.checkVisibility?.() === false) throw new Error("No person sees this control.");
  shown.get(form)?.abort();
  const ends = new AbortController();
  shown.set(form, ends);
  const before = control.getAttribute("aria-invalid");
  // A button has no value that could be invalid.
  if (control.type !== "submit") control.setAttribute("aria-invalid", "true");
  ends.signal.addEventListener("abort", () => {
    control.setCustomValidity("");
    if (before === null) control.removeAttribute("aria-invalid");
    else control.setAttribute("aria-invalid", before);
  });
  control.setCustomValidity(message);
  control.reportValidity();
  told.set(error, true);
  // True if something in the form changed, or if it is about to be submitted. Enter submits a form without a button.
  /** @param {any} event */
  const concerns = ({ type, key, target }) =>
    type === "click" ? target.closest?.("button,[type=submit],[type=image]")?.form === form : type !== "keydown" || key === "Enter";
  const clear = (/** @type {Event} */ event) => concerns(event) && ends.abort();
  const options = { capture: true, signal: ends.signal };
  // The document gets no listeners, because it outlives the form. A click on a button that was added later moves the
  // focus first, so `blur` clears the message then.
  control.addEventListener("blur", clear, options);
  const outside = controlsOf(form).filter((other) => !Node.prototype.contains.call(form, other));
  for (const target of [form, ...outside])
    for (const type of ["input", "change", "click", "keydown"]) EventTarget.prototype.addEventListener.call(target, type, clear, options);
}

/**
 * Returns true if the page handled the error of a call, or if it was shown. Shows an error that arose outside the wasm,
 * by a refused compilation or a trap.
 * @param {any} event a SubmitEvent, or an event with fewer properties
 * @param {AuthError} error
 */
export function isSeen({ target, submitter }, error) {
  const isForm = target instanceof HTMLFormElement;
  if (error.code === "ABORTED") return true;
  if (!told.has(error) && announce(target, error) && isForm)
    [submitter, ...controlsOf(target)]
      .filter((control) => control?.type === "submit" && control.willValidate)
      .slice(0, 1)
      .forEach((button) => showMessage(target, button, error.message, error));
  return told.get(error);
}
