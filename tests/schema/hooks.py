"""The facts about this server that schemathesis cannot know: how a user signs in, and which rejections of valid data
are correct."""

import base64
import json
import os
import urllib.error
import urllib.request
import uuid

import schemathesis

SERVER = os.environ["SERVER"]
SIGNED_IN = os.environ.get("SIGNED_IN") == "yes"
# The same as the server's setting INTROSPECTION__CLIENTS.
CLIENT = "Basic " + base64.b64encode(b"api:a-secret-that-is-only-for-these-tests").decode()

# Codes for data that is well formed but wrong: a schema cannot know the mailed codes or the issued tokens.
WRONG = {"INVALID_CODE", "EXPIRED_CODE", "TOKEN_REVOKED", "TOKEN_EXPIRED", "invalid_grant", "stale_token"}

# Fields whose validity depends on more than their schema: (end of the path, names of the fields).
BEYOND_SCHEMA = [
    # Lists define the valid numbers and time zones; PRECIS defines the valid characters of a name; RFC 5646 defines the
    # syntax of a language tag.
    ("", ("phone_number", "old_phone_number", "zoneinfo", "locale", "username")),
    # Only a program with a service key may set the client's IP address.
    ("", "options.client_ip"),
    # Confirming and signing in at once exclude each other; a redirect must be on the operator's list.
    ("/signup", "options."),
    ("/signup/code", "options."),
    # The operator may forbid it.
    ("/v1/login", "options.auto_register"),
    # Fields and keys that the operator declares.
    ("/signup", "extras"),
    ("/signup/code", "extras"),
    ("/v1/profile", "extras"),
    ("/v1/data/{key}", ("key", "value")),
    # Needs either a code with its address, or a token, but not both.
    ("/v1/email/verify", ("email", "code", "token")),
    ("/v1/password/reset", ("email", "code", "token")),
    # Needs one of two proofs, or the proof that the account has.
    ("/v1/account/delete", ("password", "code")),
    ("/v1/password", "old_password"),
    # Needs one of the names that an account can have, and a scene that fits it.
    ("/v1/code", ("email", "scene")),
    ("/v1/login/code", "email"),
    ("/v1/signup", "email"),
    ("/v1/signup/code", "email"),
    # The old address must be the account's own, the new one must not.
    ("/v1/email/change", ("email", "old_email")),
    ("/v1/phone/change", "old_phone_code"),
]

# Paths that may reject the whole request: `bind` adds the first address, `change` replaces it, and `unbind` needs one.
BEYOND_FIELDS = ("/bind", "/change", "/unbind")


def call(method, path, token=None, body=None):
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(SERVER + path, data, headers, method=method)) as answer:
        return json.load(answer)


if SIGNED_IN:

    @schemathesis.auth(refresh_interval=None)
    class Person:
        """A signed-in user. A call may have ended the session or deleted the account; then a new user signs up."""

        token = None
        # Many cases are generated before the first call: one check is enough for all of them.
        is_surely_alive = False

        def get(self, case, context):
            if not Person.is_surely_alive and not self.is_alive():
                email = f"{uuid.uuid4()}@example.com"
                person = {"email": email, "password": "correct horse", "options": {"login": True}}
                Person.token = call("POST", "/v1/signup", body=person)["session"]["access_token"]
            Person.is_surely_alive = True
            return Person.token

        def is_alive(self):
            if Person.token is None:
                return False
            try:
                return bool(call("GET", "/v1/session", Person.token))
            except urllib.error.HTTPError as error:
                return error.code != 401

        def set(self, case, token, context):
            is_client = case.path == "/v1/introspect"
            case.headers = {**(case.headers or {}), "Authorization": CLIENT if is_client else f"Bearer {token}"}

    @schemathesis.hook
    def after_call(context, case, response):
        """Any call may have ended the session."""
        Person.is_surely_alive = False


@schemathesis.check
def refused_for_a_reason(ctx, response, case):
    """The server rejects data that the document allows only for reasons that a schema cannot express."""
    if response.status_code != 400 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    answer = response.json()
    if answer.get("code", answer.get("error")) in WRONG:
        return
    path, field = case.operation.path, answer.get("field")
    if field is None:
        sound = path.endswith(BEYOND_FIELDS)
    else:
        # The error names a field that the operator declares without its parent `extras`.
        extras = case.body.get("extras") if isinstance(case.body, dict) else None
        sound = (isinstance(extras, dict) and field in extras) or any(
            path.endswith(end) and field.startswith(names) for end, names in BEYOND_SCHEMA
        )
    assert sound, f"the document calls this sound: {answer}"
