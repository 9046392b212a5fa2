// Disables the buttons after a submit, because a second request with the same token or code would fail.
for (const form of document.forms) {
  form.addEventListener("submit", () => {
    setTimeout(() => {
      for (const button of form.querySelectorAll("button")) button.disabled = true;
    });
  });
}
addEventListener("pageshow", (event) => event.persisted && location.reload());
