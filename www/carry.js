// Carries the user's names from the form of one page to the next. Without session storage, users type them again.

const NAMES = ["by", "email", "username", "phone_number"];

export function carryNames(form) {
  for (const name of NAMES) {
    const control = name === "by" ? form.elements.by : form.querySelector(`[name="${name}"]`);
    if (!control) continue;
    try {
      const kept = sessionStorage.getItem(`demo-${name}`);
      // Keeps the choice if this form does not have the stored method.
      if (name === "by" ? form.querySelector(`[name="by"][value="${kept}"]`) : !control.value) control.value = kept;
      form.addEventListener("submit", () => sessionStorage.setItem(`demo-${name}`, control.value));
    } catch {
      // Blocked by the browser.
    }
  }
}
