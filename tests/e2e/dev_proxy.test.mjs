// Development by other addresses than the server's own: behind a dev server's proxy, and by 127.0.0.1.

import assert from "node:assert/strict";
import { openChromium, openContext, signUp, test, withClient } from "./world.mjs";
import { startBehindProxy } from "./proxy.mjs";

const chromium = await openChromium();
// A dev server passes requests on as they are, and `doorward serve --dev` knows nothing of it.
const world = await startBehindProxy({ PUBLIC_URL: "" });

for (const [what, url] of [
  ["behind a dev server's proxy", world.url],
  ["at http://127.0.0.1", `http://127.0.0.1:${world.server.port}`],
]) {
  test(`a page ${what} signs in with a client that knows no address`, async () => {
    const person = await signUp(world.server);
    const context = await openContext(chromium);
    const page = await context.newPage();
    await page.goto(`${url}/favicon.svg`);
    const told = await withClient(page, async ({ email, password }) => {
      await auth.login({ email, password });
      const profile = await auth.getProfile();
      await auth.refreshToken();
      return { email: profile.email, user: (await auth.getProfile()).email };
    }, { argument: person });
    assert.deepEqual(told, { email: person.email, user: person.email });
    await context.close();
  });
}
