// Carries the address from one page's form to the next; where session storage is blocked, people type it again.

const KEY = "demo-email";

export function carryEmail(form) {
  const control = form.elements.email;
  try {
    control.value ||= sessionStorage.getItem(KEY) ?? "";
    form.addEventListener("submit", () => sessionStorage.setItem(KEY, control.value));
  } catch {
    // Blocked by the browser.
  }
}
