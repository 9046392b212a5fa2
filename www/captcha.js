// A captcha picture: its code is an option of the next call, as controls of the form. frame.js adds this to every page.

document.addEventListener("doorward:error", ({ target, detail: { captcha } }) => {
  if (target instanceof HTMLFormElement) captcha?.image ? ask(target, captcha) : dismiss(target);
});

/**
 * Adds the picture to the form: its controls are options of the next call.
 * @param {HTMLFormElement} form
 * @param {import("/pkg/index.js").Captcha} captcha
 */
export function ask(form, { id, image }) {
  dismiss(form);
  const picture = Object.assign(document.createElement("img"), { src: image, alt: "Five letters and digits" });
  const label = Object.assign(document.createElement("label"), { textContent: "What is in the picture?", htmlFor: "captcha" });
  const code = Object.assign(document.createElement("input"), { id: "captcha", name: "captcha_code", required: true });
  Object.assign(code, { autocomplete: "off", autocapitalize: "characters", spellcheck: false, maxLength: 10 });
  const hidden = Object.assign(document.createElement("input"), { type: "hidden", name: "captcha_id", value: id });
  const part = Object.assign(document.createElement("p"), { className: "captcha" });
  part.append(picture, label, code, hidden);
  form.querySelector(":scope > button").before(part);
}

/** A picture is valid for one call. */
export function dismiss(form) {
  form.querySelector(".captcha")?.remove();
}

/** The text that the user typed, for a call without the form. */
export function solution(form) {
  const { captcha_id, captcha_code } = form.elements;
  return captcha_id ? { captcha_id: captcha_id.value, captcha_code: captcha_code.value } : {};
}
