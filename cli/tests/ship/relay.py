"""Takes envelopes at the port that is named, and prints what Sentry's own normaliser finds wrong with each event."""

import gzip
import http.server
import json
import sys

from sentry_relay.processing import StoreNormalizer

NORMALIZER = StoreNormalizer(project_id=1)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        event = json.loads(body.split(b"\n")[2])
        normalized = NORMALIZER.normalize_event(event)
        print(json.dumps({"id": event["event_id"], "errors": normalized.get("errors")}), flush=True)
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
