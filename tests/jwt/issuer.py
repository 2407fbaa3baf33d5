"""An OpenID Connect issuer at which a person logs in with a browser, signing with PyJWT.

It shares no code with what is tested: discovery, keys, a page, the code flow with PKCE (S256 alone), and what is told of a
person. Prints its address, and answers until it is killed. POST /settings takes JSON that changes how it behaves:

  claims        of the ID token besides the usual ones; null leaves one out
  user_info     what /userinfo tells besides the subject
  now           what time it is; else the machine's
  methods       token_endpoint_auth_methods_supported
  error         what the browser comes back with instead of a code, with error_description
  token_status  with which status /token refuses everything, with the body `token_body`
  key           with which of its keys it signs: good, other (which it does not show)
  silent        whether /token never answers

GET /asked answers the requests so far, as JSON: method, path, query or form, and Authorization.
"""

import base64
import hashlib
import html
import json
import secrets
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT, SECRET = "engine", "client-secret/+ü"
keys = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("good", "other")}
settings = {}
codes = {}
tokens = {}
asked = []
lock = threading.Lock()

PAGE = """<!doctype html><meta charset="utf-8"><title>Log in</title>
<form method="post" action="/authorize">%s<button>I am Ann</button></form>
<script>document.forms[0].submit()</script>
"""


def signed(request):
    now = settings.get("now") or int(time.time())
    claims = {
        "iss": address,
        "sub": "ann-1",
        "aud": CLIENT,
        "iat": now,
        "exp": now + 300,
        "nonce": request.get("nonce"),
        "email": "ann@example.com",
        "groups": ["ops"],
    }
    if "max_age" in request:
        claims["auth_time"] = now
    claims.update(settings.get("claims") or {})
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, keys[settings.get("key", "good")], algorithm="RS256", headers={"kid": "good"})


class Issuer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json", **headers):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if url.path != "/asked":
            self.note(url.path, query)
        if url.path == "/asked":
            self.answer(200, asked)
        elif url.path == "/.well-known/openid-configuration":
            described = {
                "issuer": address,
                "jwks_uri": address + "/keys",
                "authorization_endpoint": address + "/authorize",
                "token_endpoint": address + "/token",
                "userinfo_endpoint": address + "/userinfo",
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
            if "methods" in settings:
                described["token_endpoint_auth_methods_supported"] = settings["methods"]
            self.answer(200, described)
        elif url.path == "/keys":
            public = json.loads(RSAAlgorithm.to_jwk(keys["good"].public_key()))
            self.answer(200, {"keys": [public | {"kid": "good", "use": "sig", "alg": "RS256"}]})
        elif url.path == "/authorize":
            fields = "".join(
                f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
                for name, value in query.items()
            )
            self.answer(200, PAGE % fields, "text/html; charset=utf-8")
        elif url.path == "/userinfo":
            with lock:
                subject = tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
            if subject is None:
                self.answer(401, {"error": "invalid_token"})
            else:
                self.answer(200, {"sub": subject} | (settings.get("user_info") or {}))
        else:
            self.answer(404, {"error": "not_found"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/settings":
            settings.clear()
            settings.update(json.loads(body))
            return self.answer(200, {})
        form = dict(parse_qsl(body, keep_blank_values=True))
        self.note(self.path, form)
        if self.path == "/authorize":
            self.come_back(form)
        elif self.path == "/token":
            self.exchange(form)
        else:
            self.answer(404, {"error": "not_found"})

    def note(self, path, fields):
        told = {"method": self.command, "path": path, "fields": fields}
        asked.append(told | {"authorization": self.headers.get("Authorization")})

    def come_back(self, request):
        wrong = [
            name
            for name, expected in [("client_id", CLIENT), ("response_type", "code"), ("code_challenge_method", "S256")]
            if request.get(name) != expected
        ]
        if wrong or "openid" not in request.get("scope", "").split(" ") or len(request.get("state", "")) < 16:
            return self.answer(400, f"not understood: {wrong} {request}", "text/plain")
        if "error" in settings:
            back = {"error": settings["error"], "error_description": "not <b>today</b>"}
        else:
            code = secrets.token_urlsafe(24)
            with lock:
                codes[code] = request
            back = {"code": code}
        back["state"] = request["state"]
        joint = "&" if "?" in request["redirect_uri"] else "?"
        self.answer(302, "", "text/plain", Location=request["redirect_uri"] + joint + urlencode(back))

    def exchange(self, form):
        if settings.get("silent"):
            time.sleep(60)
        if "token_status" in settings:
            return self.answer(settings["token_status"], settings.get("token_body", {}))
        method, _, coded = self.headers.get("Authorization", "").partition(" ")
        if method == "Basic":
            shown = [unquote_plus(part) for part in base64.b64decode(coded).decode().split(":", 1)]
            way = "client_secret_basic"
        else:
            shown, way = [form.get("client_id"), form.get("client_secret")], "client_secret_post"
        if shown != [CLIENT, SECRET] or way not in settings.get("methods", ["client_secret_basic"]):
            return self.answer(401, {"error": "invalid_client"})
        if form.get("grant_type") != "authorization_code":
            return self.answer(400, {"error": "unsupported_grant_type"})
        with lock:
            request = codes.pop(form.get("code"), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if request is None or request["redirect_uri"] != form.get("redirect_uri"):
            return self.answer(400, {"error": "invalid_grant"})
        if request.get("code_challenge") != challenge or len(form.get("code_verifier", "")) < 43:
            return self.answer(400, {"error": "invalid_grant"})
        access = secrets.token_urlsafe(24)
        with lock:
            tokens[access] = "ann-1"
        self.answer(200, {"access_token": access, "token_type": "Bearer", "id_token": signed(request)})


server = ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
address = f"http://127.0.0.1:{server.server_address[1]}"
print(address, file=sys.stderr, flush=True)
server.serve_forever()
