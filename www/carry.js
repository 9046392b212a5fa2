// Carries what a person is known by from one page's form to the next; where session storage is blocked, people type it again.

const NAMES = ["by", "email", "username", "phone_number"];

export function carryNames(form) {
  for (const name of NAMES) {
    const control = name === "by" ? form.elements.by : form.querySelector(`[name="${name}"]`);
    if (!control) continue;
    try {
      const kept = sessionStorage.getItem(`demo-${name}`);
      // A way that this form does not have leaves its choice as it is.
      if (name === "by" ? form.querySelector(`[name="by"][value="${kept}"]`) : !control.value) control.value = kept;
      form.addEventListener("submit", () => sessionStorage.setItem(`demo-${name}`, control.value));
    } catch {
      // Blocked by the browser.
    }
  }
}
