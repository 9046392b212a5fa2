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

# Fields that a rule about several of them, or a list of the operator's, refuses: (call, beginning of the field).
BEYOND_SCHEMA = [
    # Confirming and signing in at once exclude each other; a redirect must be on the operator's list.
    ("POST /v1/signup", "options."),
    # A code with its address, or a token, but not both and not neither.
    ("POST /v1/email/verify", ("email", "code", "token")),
    ("POST /v1/password/reset", ("email", "code", "token")),
]


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

        def get(self, case, context):
            if not self.is_alive():
                email = f"{uuid.uuid4()}@example.com"
                person = {"email": email, "password": "correct horse", "options": {"login": True}}
                Person.token = call("POST", "/v1/signup", body=person)["session"]["access_token"]
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


@schemathesis.check
def refused_for_a_reason(ctx, response, case):
    """Data that the document calls sound is refused only for what a schema cannot say."""
    if response.status_code != 400 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    answer = response.json()
    if answer.get("code", answer.get("error")) in WRONG:
        return
    field = answer.get("field") or ""
    assert any(
        case.operation.label == label and field.startswith(names) for label, names in BEYOND_SCHEMA
    ), f"the document calls this sound: {answer}"
