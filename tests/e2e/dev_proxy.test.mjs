// A server reached by other URLs than its own: behind a dev server's proxy, by 127.0.0.1, and below a path.

import assert from "node:assert/strict";
import { openChromium, openContext, signUp, test, withClient } from "./world.mjs";
import { startBehindProxy } from "./proxy.mjs";

const chromium = await openChromium();
// A dev server forwards requests unchanged, and `doorward serve --dev` does not know of it.
const world = await startBehindProxy({ PUBLIC_URL: "" });

for (const [what, url] of [
  ["behind a dev server's proxy", world.url],
  ["at http://127.0.0.1", `http://127.0.0.1:${world.server.port}`],
]) {
  test(`a page ${what} signs in with a client without a configured URL`, async () => {
    const person = await signUp(world.server);
    const context = await openContext(chromium);
    const page = await context.newPage();
    await page.goto(`${url}/favicon.svg`);
    const told = await withClient(
      page,
      async ({ email, password }) => {
        await auth.login({ email, password });
        const profile = await auth.getProfile();
        await auth.refreshToken();
        return { email: profile.email, user: (await auth.getProfile()).email };
      },
      { argument: person },
    );
    assert.deepEqual(told, { email: person.email, user: person.email });
    await context.close();
  });
}

test("a server below a path of the app's site signs users in, and its pages link to each other", async () => {
  const below = await startBehindProxy({ LINKS__VERIFY: "{public_url}/account/verify#token={token}" }, "/auth");
  assert.ok(below.url.endsWith("/auth"));
  const person = await signUp(below.server);
  const context = await openContext(chromium);
  const page = await context.newPage();
  await page.goto(`${new URL(below.url).origin}/favicon.svg`);
  const email = await withClient(
    page,
    async (person) => {
      await auth.login(person);
      await auth.refreshToken();
      return (await auth.getProfile()).email;
    },
    { argument: person, options: { url: below.url } },
  );
  assert.equal(email, person.email);

  const { link } = await below.server.mail(person.email);
  assert.ok(link.startsWith(`${below.url}/account/verify#`), link);
  await page.goto(link);
  await page.locator("#by-token button:not([type])").click();
  await page.locator("#by-password [name=password]").fill(person.password);
  await page.locator("#by-password button").click();
  await page.waitForURL(`${below.url}/account/verify/done`);
  await page.getByText("Address confirmed").waitFor();
  await context.close();
});
