// A service that doorward asks before a signup and tells after it. `npm install && npm start`, with WEBHOOK_SECRET as it
// stands in `[webhooks.NAME]`.

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const { PORT = "4010", WEBHOOK_SECRET } = process.env;
const webhook = new Webhook(WEBHOOK_SECRET);
const done = new Set(); // ids of what was done: keep them beside what it changes, in the same transaction

const server = createServer(async (request, response) => {
  const answer = (status, json) => response.writeHead(status).end(json && JSON.stringify(json));
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let event;
  try {
    // The body as it came: written anew it is another text. Also refuses what is older than five minutes.
    event = webhook.verify(Buffer.concat(chunks).toString(), /** @type {any} */ (request.headers));
  } catch {
    return answer(401);
  }
  const id = request.headers["webhook-id"];
  switch (event.type) {
    case "pre_signup":
      if (event.data.email?.endsWith("@spam.example")) {
        return answer(200, { reject: { message: "We do not know this domain.", field: "email" } });
      }
      return answer(200, { set: { name: event.data.name || "Somebody new" } });
    case "post_signup":
      // The same may come again: our answer was lost, or somebody sends a copy. It is taken, and not done again.
      if (!done.has(id)) {
        done.add(id);
        if (event.data.succeeded) console.log(`welcome: ${event.data.email}`);
      }
      return answer(204);
    default:
      return answer(204);
  }
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`ready: http://127.0.0.1:${server.address().port}`));
