// A service that doorward calls before and after a signup. Start it with `npm install && npm start`. WEBHOOK_SECRET is the secret
// in `[webhooks.NAME]`.

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const { PORT = "4010", WEBHOOK_SECRET } = process.env;
const webhook = new Webhook(WEBHOOK_SECRET);
const done = new Set(); // ids of processed events: store them in the transaction of your own changes

const server = createServer(async (request, response) => {
  const answer = (status, json) => response.writeHead(status).end(json && JSON.stringify(json));
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let event;
  try {
    // Needs the raw body, because the signature covers its exact text. Also rejects events older than five minutes.
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
      return answer(200, { set: { name: event.data.name || "New user" } });
    case "post_signup":
      // An event can arrive twice, if our answer was lost or an attacker repeats it: answer again, but do the work once.
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
