"""A model hub on this machine: one repository of micro-model files, over HTTP as the real one speaks it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "d" * 40
OLDER = "e" * 40


@dataclass
class HubRepository:
    """What the site offers, and what was asked of it."""

    name: str
    folder: Path
    revisions: dict[str, str] = field(default_factory=lambda: {"main": COMMIT, "v1": OLDER})
    broken: set[str] = field(default_factory=set)
    """Files whose connection drops half-way, once."""
    closed: set[str] = field(default_factory=set)
    """Files that the site has listed and does not give."""
    asked: list[str] = field(default_factory=list)
    """Method, path and range of every request."""

    def gets(self, name: str) -> int:
        """How often the content of a file was asked for."""
        return sum(one.startswith("GET ") and f"/{name}" in one for one in self.asked)

    def commit(self, revision: str) -> str | None:
        """The commit of a branch, tag or commit."""
        return self.revisions.get(revision, revision if revision in (COMMIT, OLDER) else None)


class _Server(ThreadingHTTPServer):
    def __init__(self, repository: HubRepository) -> None:
        super().__init__(("127.0.0.1", 0), _Site)
        self.repository = repository


class _Site(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, *_: object) -> None:
        """Tests read `asked`."""

    def _answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        span = self.headers.get("Range", "")
        self.server.repository.asked.append(f"{self.command} {path} {span}".strip())
        about = f"api/models/{self.server.repository.name}/revision/"
        files = f"{self.server.repository.name}/resolve/"
        if path.startswith(about):
            self._describe(path.removeprefix(about))
        elif path.startswith(files):
            revision, _, name = path.removeprefix(files).partition("/")
            self._file(revision, name, span, with_body)
        else:
            self._send(404, b"{}", {})

    def _describe(self, revision: str) -> None:
        commit = self.server.repository.commit(revision)
        if commit is None:
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return
        siblings = [
            {"rfilename": path.name, "size": path.stat().st_size}
            for path in sorted(self.server.repository.folder.iterdir())
        ]
        document = {
            "id": self.server.repository.name,
            "sha": commit,
            "siblings": siblings,
            "cardData": {"license": "apache-2.0"},
        }
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _file(self, revision: str, name: str, span: str, with_body: bool) -> None:
        path, commit = self.server.repository.folder / name, self.server.repository.commit(revision)
        if commit is None or not path.is_file() or name in self.server.repository.closed:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        content = path.read_bytes()
        first = int(span.removeprefix("bytes=").split("-")[0]) if span else 0
        headers = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Repo-Commit": commit,
            "Accept-Ranges": "bytes",
        }
        if span:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        body = content[first:]
        if with_body and name in self.server.repository.broken:
            self.server.repository.broken.discard(name)
            self._begin(200, len(body), headers)
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self._send(206 if span else 200, body, headers, with_body)

    def _begin(self, status: int, size: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def _send(
        self, status: int, body: bytes, headers: dict[str, str], with_body: bool = True
    ) -> None:
        self._begin(status, len(body), headers)
        if with_body and self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def hub_site(repository: HubRepository) -> Iterator[str]:
    """Serve on a free port of the loopback interface; gives the address."""

    server = _Server(repository)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
