"""The receiver of docs/webhook-server.mjs in another language, from docs/webhook-protocol.md alone: Python 3, nothing installed."""
import hashlib, hmac, json, os, secrets, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = os.environ["HALLPASS_KEY"].encode()
WINDOW_MS = 300_000
nonces, lent = {}, {}


def now_ms():
    return int(time.time() * 1000)


def sign(text):
    return "v1=" + hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


def is_call(path, headers, body):
    at, nonce = headers.get("hallpass-timestamp", ""), headers.get("hallpass-nonce", "")
    wanted = sign(f"hallpass-webhook v1 call\nPOST\n{path}\n{at}\n{nonce}\n{body}")
    if not hmac.compare_digest(wanted, headers.get("hallpass-signature", "")):
        return False
    if not at.isdigit() or abs(now_ms() - int(at)) > WINDOW_MS or nonce in nonces:
        return False
    for old in [each for each, used in nonces.items() if now_ms() - used > 2 * WINDOW_MS]:
        del nonces[old]
    nonces[nonce] = now_ms()
    return True


def works(entry):
    return bool(entry) and entry["token"] is not None and now_ms() < entry["until"]


def state(entry):
    return {"readBack": {"exists": bool(entry), "canLogIn": works(entry), "sessionCount": 0}}


def operate(name, order):
    owner, principal = order["resource"]["id"], order.get("principal")
    entry = lent.get(principal)
    if entry and (entry["owner"] != owner or (name == "create" and entry["token"] is None)):
        return 409, {"error": "ended, or of another resource"}
    if name == "describe":
        levels = [{"name": "read-only", "description": "Reads notes."}]
        limits = [{"sentence": "What was read stays read"}, {"sentence": "Elsewhere only.", "level": "admin"}]
        return 200, {"protocol": 1, "name": "Notes in Python", "version": "1.0", "now": now_ms(), "levels": levels, "limits": limits}
    if name == "list":
        return 200, {"principals": [each for each, made in lent.items() if made["owner"] == owner]}
    if name == "create":
        entry = lent[principal] = {"owner": owner, "until": now_ms() + order["validForMs"], "token": secrets.token_hex(24)}
        return 200, {"values": {"NOTES_TOKEN": entry["token"]}, **state(entry)}
    if name == "set-deadline":
        if not works(entry):
            return 409, {"error": "no such token"}
        entry["until"] = now_ms() + order["validForMs"]
        return 200, {"ok": True}
    if name in ("end", "read-back"):
        if entry and name == "end":
            entry["token"] = None
        return 200, state(entry)
    if name == "clean-up":
        lent.pop(principal, None)
        return 200, {"done": True}
    return 404, {"error": "no such operation"}


class Receiver(BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self):
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        is_right = any(works(one) and hmac.compare_digest(one["token"], bearer) for one in lent.values())
        self.answer(200 if is_right else 401, [], None)

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("content-length", 0)), 65_536)).decode()
        if not is_call(self.path, self.headers, body):
            return self.answer(401, {"error": "not signed for now, or played again"}, None)
        self.answer(*operate(self.path.removeprefix("/hallpass/"), json.loads(body)), self.headers["hallpass-nonce"])

    def answer(self, status, said, nonce):
        text = json.dumps(said)
        self.send_response(status)
        if nonce:
            self.send_header("hallpass-signature", sign(f"hallpass-webhook v1 answer\n{status}\n{nonce}\n{text}"))
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a caller that broke off


server = Server(("127.0.0.1", int(os.environ.get("PORT", "8787"))), Receiver)
print(f"listening on {server.server_address[1]}", flush=True)
server.serve_forever()
