"""Your own API, for pages that call it with `auth.fetch`.

Start it with `pip install -r requirements.txt && python server.py`, and `doorward serve --dev` as well.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from check import Checker, Refused

ISSUER = os.environ.get("ISSUER", "http://localhost:8787")
PAGE = os.environ.get("PAGE", "http://localhost:8787")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            claims = checker.check(self.command, self.path, self.headers)
            self.answer(200, {"hello": claims["sub"], "roles": claims["roles"]})
        except Refused as refused:
            self.answer(401, {"error": str(refused)}, refused.challenge)

    def do_OPTIONS(self):
        self.answer(200, {})

    def answer(self, status, body, challenge=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        # CORS: allows the page of another origin to send these headers and to read the challenge.
        self.send_header("Access-Control-Allow-Origin", PAGE)
        self.send_header("Access-Control-Allow-Headers", "Authorization, DPoP, Content-Type")
        self.send_header("Access-Control-Expose-Headers", "WWW-Authenticate")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "4002"))), Handler)
origin = f"http://localhost:{server.server_port}"
checker = Checker(ISSUER, os.environ.get("AUDIENCE", ISSUER), origin, int(os.environ.get("KEYS_KEPT", "300")))
print(f"ready: {origin}", flush=True)
server.serve_forever()
