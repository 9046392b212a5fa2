// A real SMTP conversation with an independent server: npm's smtp-server, parsed by mailparser.

import assert from "node:assert/strict";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";
import { atEnd, eventually, lastingPort, openPage, signUp, somebody, startServer, test, unique } from "./world.mjs";

/** Receives mails; `answer` may reject a recipient with an SMTP status. */
async function openSink(answer = (_address, _attempt) => 250, port = 0) {
  const mails = [];
  const attempts = [];
  const sink = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    // The server under test keeps its connection for the next mail.
    closeTimeout: 50,
    onRcptTo({ address }, _session, done) {
      attempts.push(address);
      const status = answer(address, attempts.filter((other) => other === address).length);
      done(status === 250 ? null : Object.assign(new Error("refused"), { responseCode: status }));
    },
    onData(stream, session, done) {
      simpleParser(stream).then((mail) => {
        mails.push({ ...mail, envelope: session.envelope });
        done();
      }, done);
    },
  });
  sink.on("error", () => {});
  await new Promise((resolve) => sink.listen(port, "127.0.0.1", resolve));
  atEnd(() => new Promise((resolve) => sink.close(resolve)));
  return {
    attempts,
    port: sink.server.address().port,
    to: (address) => eventually(`a mail to ${address}`, () => mails.find((mail) => mail.to.text === address)),
  };
}

const settings = (port) => ({
  SMTP__HOST: "127.0.0.1",
  SMTP__PORT: port,
  SMTP__SECURITY: "none",
  MAIL__FROM: "Doorward <hello@doorward.example>",
});
const unconfirmed = { signup_confirmation: true };
const code = (mail) => mail.text.match(/\b\d{6}\b/)[0];
const link = (mail) => mail.text.match(/http\S+#token=[\w.-]+/)[0];

const sink = await openSink((address, attempt) => {
  if (address.startsWith("greylisted")) return attempt === 1 ? 451 : 250;
  return address.startsWith("nobody") ? 550 : 250;
});
const server = await startServer({ settings: settings(sink.port) });
const page = await openPage();

test("the confirmation mail is well-formed in plain text and HTML", async () => {
  const { email } = await signUp(server, { ...somebody(), name: "<b>Ada</b> & Co" }, unconfirmed);
  const mail = await sink.to(email);
  assert.equal(mail.envelope.mailFrom.address, "hello@doorward.example");
  assert.deepEqual(
    mail.envelope.rcptTo.map(({ address }) => address),
    [email],
  );
  assert.equal(mail.from.text, '"Doorward" <hello@doorward.example>');
  assert.ok(mail.subject.length > 5);
  assert.ok(mail.messageId);
  assert.ok(Math.abs(mail.date - Date.now()) < 60_000);
  assert.equal(mail.headers.get("auto-submitted"), "auto-generated");
  // The template's escaping writes the slashes of the link as entities.
  for (const body of [mail.text, mail.html.replaceAll("&#x2f;", "/")]) {
    assert.ok(body.includes(code(mail)));
    assert.ok(body.includes(link(mail)));
  }
  assert.ok(!mail.html.includes("<b>Ada"), "what people say of themselves is text");
  assert.ok(!/<script|<img|<link/i.test(mail.html), "nothing in the mail runs or tracks");
});

/** A browser that has not signed up. */
async function enterPassword({ password }) {
  await page.visible("#claim");
  await page.fill({ password });
  await page.click("#claim > button");
}

test("the code of the mail verifies the address", async () => {
  const person = await signUp(server, somebody(), unconfirmed);
  await page.open(`${server.url}/verify`);
  await page.fill({ email: person.email, code: code(await sink.to(person.email)) });
  await page.click("#by-code > button");
  await enterPassword(person);
  await page.at("/login#confirmed");
  assert.equal((await server.post("/v1/login", person)).status, 200);
});

test("the link of the mail verifies the address", async () => {
  const person = await signUp(server, somebody(), unconfirmed);
  await page.open(link(await sink.to(person.email)));
  await page.visible("#by-link button");
  await page.click("#by-link button");
  await enterPassword(person);
  await page.at("/login#confirmed");
  assert.equal((await server.post("/v1/login", person)).status, 200);
});

test("a rejected mailbox does not affect other recipients", async () => {
  const nobody = `${unique("nobody")}@example.com`;
  await signUp(server, { ...somebody(), email: nobody }, unconfirmed);
  await eventually("the mail was refused", () => sink.attempts.includes(nobody));
  const { email } = await signUp(server, somebody(), unconfirmed);
  await sink.to(email);
  assert.equal(sink.attempts.filter((address) => address === nobody).length, 1);
});

/** Longer than the pause before a second attempt. */
const PAUSE = 6000;

test("a temporarily rejected mail is sent again, and its code works", async () => {
  const { password } = somebody();
  const email = `${unique("greylisted")}@example.com`;
  await signUp(server, { email, password }, unconfirmed);
  await eventually("the mail was refused", () => sink.attempts.includes(email));
  await eventually("the server has put it off", () => server.log.includes("451"));
  await server.advance(PAUSE);
  const mail = await sink.to(email);
  assert.equal(sink.attempts.filter((address) => address === email).length, 2);
  assert.equal((await server.post("/v1/email/verify", { email, password, code: code(mail) })).status, 200);
});

test("without an SMTP server users can sign up, and their mails are sent when it is back", async () => {
  const later = await lastingPort();
  const alone = await startServer({ settings: settings(later) });
  const started = Date.now();
  const person = await signUp(alone, somebody(), unconfirmed);
  assert.ok(Date.now() - started < 2000, "a dead SMTP server delays no answer");
  await eventually("an attempt has failed", () => /smtp|mail/i.test(alone.log) && /refused|connect/i.test(alone.log));
  const back = await openSink(() => 250, later);
  await alone.advance(PAUSE);
  const mail = await back.to(person.email);
  assert.equal((await alone.post("/v1/email/verify", { ...person, code: code(mail) })).status, 200);
  assert.equal((await alone.post("/v1/login", person)).status, 200);
});
