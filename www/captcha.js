// Captchas: a picture that the person reads, and work that the browser does by itself and a form tells of.

/** The option `fetch` of a client: whoever waits learns that the browser has been asked to compute. */
export async function telling(...request) {
  const answer = await fetch(...request);
  if (answer.status === 403) {
    const { captcha } = await answer.clone().json().catch(() => ({}));
    if (captcha?.kind === "proof_of_work") {
      for (const output of document.querySelectorAll("[aria-busy] output")) {
        output.value = "One moment: your browser shows the server that it is no robot.";
      }
    }
  }
  return answer;
}

/** Puts the picture of a `CAPTCHA_REQUIRED` into the form: its controls are options of the next call. */
export function ask(form, { id, image }) {
  dismiss(form);
  const button = form.querySelector(":scope > button");
  if (!button) return;
  const picture = Object.assign(document.createElement("img"), { src: image, alt: "Five letters and digits" });
  const label = Object.assign(document.createElement("label"), { textContent: "What is in the picture?", htmlFor: "captcha" });
  const code = Object.assign(document.createElement("input"), { id: "captcha", name: "captcha_code", required: true });
  Object.assign(code, { autocomplete: "off", autocapitalize: "characters", spellcheck: false, maxLength: 10 });
  const hidden = Object.assign(document.createElement("input"), { type: "hidden", name: "captcha_id", value: id });
  const part = Object.assign(document.createElement("p"), { className: "captcha" });
  part.append(picture, label, code, hidden);
  button.before(part);
  code.focus();
}

/** A picture is good for one call. */
export function dismiss(form) {
  form.querySelector(".captcha")?.remove();
}

/** What was read, for a call that does not take the form. */
export function solution(form) {
  const part = form.querySelector(".captcha");
  if (!part) return {};
  const { captcha_id, captcha_code } = form.elements;
  return { captcha_id: captcha_id.value, captcha_code: captcha_code.value };
}
