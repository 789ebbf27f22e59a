"""A stand-in for the Hugging Face hub on the loopback: serves one folder as the repository NAME.

usage: python hub.py FOLDER NAME        prints `ready PORT`
"""

import hashlib
import json
import pathlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FOLDER, NAME = pathlib.Path(sys.argv[1]), sys.argv[2]
COMMIT = "0" * 40


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.partition("?")[0]
        files = {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir())}
        name = path.rpartition("/")[2]
        if path.startswith(f"/api/models/{NAME}/tree/"):
            listed = [
                {"type": "file", "path": n, "size": len(b), "oid": hashlib.sha1(b).hexdigest()}
                for n, b in files.items()
            ]
            self.answer(200, json.dumps(listed).encode())
        elif path.startswith(f"/api/models/{NAME}"):
            told = {"id": NAME, "modelId": NAME, "sha": COMMIT, "private": False, "tags": []}
            told["siblings"] = [{"rfilename": n} for n in files]
            self.answer(200, json.dumps(told).encode())
        elif path.startswith(f"/{NAME}/resolve/") and name in files:
            tag = f'"{hashlib.sha1(files[name]).hexdigest()}"'
            self.answer(200, files[name], "application/octet-stream", ETag=tag)
        else:
            self.answer(404, X_Error_Code="EntryNotFound")

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
print(f"ready {server.server_port}", flush=True)
server.serve_forever()
