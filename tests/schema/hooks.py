"""What schemathesis cannot know of this server: who signs in, and which refusals of sound data are as they should be."""

import base64
import json
import os
import urllib.error
import urllib.request
import uuid

import schemathesis

SERVER = os.environ["SERVER"]
SIGNED_IN = os.environ.get("SIGNED_IN") == "yes"
# As INTROSPECTION__CLIENTS of the server.
CLIENT = "Basic " + base64.b64encode(b"api:a-secret-that-is-only-for-these-tests").decode()

# Well formed, and wrong all the same: no schema can say what was mailed to whom, or what was issued.
WRONG = {"INVALID_CODE", "EXPIRED_CODE", "TOKEN_REVOKED", "TOKEN_EXPIRED", "invalid_grant", "stale_token"}

# Fields whose value, or whose being there, hangs on more than the field: (end of the call, its fields).
BEYOND_SCHEMA = [
    # Which numbers and time zones there are, lists know; which signs a name may have together, PRECIS; how a language tag is
    # put together, RFC 5646.
    ("", ("phone_number", "old_phone_number", "zoneinfo", "locale", "username")),
    # Where a call comes from, only a program with a service key can say.
    ("", "options.client_ip"),
    # Confirming and signing in at once exclude each other; a redirect must be on the operator's list.
    ("/signup", "options."),
    ("/signup/code", "options."),
    # What the operator does not allow, no page can ask for.
    ("/v1/login", "options.auto_register"),
    # Fields and keys that the operator declares.
    ("/signup", "extras"),
    ("/signup/code", "extras"),
    ("/v1/profile", "extras"),
    ("/v1/data/{key}", ("key", "value")),
    # A code with its address, or a token, but not both and not neither.
    ("/v1/email/verify", ("email", "code", "token")),
    ("/v1/password/reset", ("email", "code", "token")),
    # Either of two proofs, or the one that the account has.
    ("/v1/account/delete", ("password", "code")),
    ("/v1/password", "old_password"),
    # One of the names that an account can have; a scene that fits it.
    ("/v1/code", ("email", "scene")),
    ("/v1/login/code", "email"),
    ("/v1/signup", "email"),
    ("/v1/signup/code", "email"),
    # The old address is the account's own, the new one is not.
    ("/v1/email/change", ("email", "old_email")),
    ("/v1/phone/change", "old_phone_code"),
]

# Refusals of the whole request: the first address is bound, the next ones change it, and none can be taken from none.
BEYOND_FIELDS = ("/bind", "/change", "/unbind")


def call(method, path, token=None, body=None):
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(SERVER + path, data, headers, method=method)) as answer:
        return json.load(answer)


if SIGNED_IN:

    @schemathesis.auth(refresh_interval=None)
    class Person:
        """Somebody who is signed in. A call may have ended the session, or the account: then it is somebody else."""

        token = None
        # Many cases are generated before the first of them is called: one look serves them all.
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
    """Data that the document calls sound is refused only for what a schema cannot say."""
    if response.status_code != 400 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    answer = response.json()
    if answer.get("code", answer.get("error")) in WRONG:
        return
    path, field = case.operation.path, answer.get("field")
    if field is None:
        sound = path.endswith(BEYOND_FIELDS)
    else:
        # A field of the operator's own is named as it is, without the `extras` that it came in.
        extras = case.body.get("extras") if isinstance(case.body, dict) else None
        sound = (isinstance(extras, dict) and field in extras) or any(
            path.endswith(end) and field.startswith(names) for end, names in BEYOND_SCHEMA
        )
    assert sound, f"the document calls this sound: {answer}"
