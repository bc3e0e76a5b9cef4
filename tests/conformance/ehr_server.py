"""The FHIR server of an EHR on this machine: it answers from prefetch and counts who asks what."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cds.fhir.prefetch import EXPECTED

TOKEN = "token-of-this-very-call"
_KEYS = {kind: key for key, kind in EXPECTED.items()}


@dataclass(frozen=True)
class Question:
    """One request that came. `key` is the prefetch key it is about, "" for anything else."""

    key: str
    path: str
    authorization: str | None


@dataclass
class Ehr:
    """What the server answers by prefetch key, with which status, and who asked."""

    answers: Mapping[str, Any]
    base: str = ""
    status: dict[str, int] = field(default_factory=dict)
    paged: frozenset[str] = frozenset()
    wait: float = 0.0
    asked: list[Question] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """The keys that were asked for, in order of their names."""
        return sorted(question.key for question in self.asked)

    def page(self, key: str, number: int) -> Any:
        """One of the two pages of a Bundle: the newest result comes with the second one."""
        bundle = self.answers[key]
        half = len(bundle["entry"]) // 2
        entries = bundle["entry"][half:] if number == 1 else bundle["entry"][:half]
        link = [{"relation": "next", "url": f"{self.base}/pages/{key}"}] if number == 1 else []
        return {**bundle, "entry": entries, "link": link}

    def answer(self, path: str, authorization: str | None) -> tuple[int, Any]:
        """Status and body for one request."""
        key = self._key(path)
        self.asked.append(Question(key, path, authorization))
        time.sleep(self.wait)
        if authorization != f"Bearer {TOKEN}":
            return 401, outcome("login")
        if key in self.status:
            return self.status[key], outcome("processing")
        if "/pages/" in path:
            return 200, self.page(key, 2)
        if key in self.paged:
            return 200, self.page(key, 1)
        found = self.answers.get(key)
        return (404, outcome("not-found")) if found is None else (200, found)

    def _key(self, path: str) -> str:
        first, *rest = path.removeprefix("/fhir/").replace("?", "/").split("/")
        return rest[0] if first == "pages" else _KEYS.get(first, "")


def outcome(code: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}


@contextmanager
def ehr_server(answers: Mapping[str, Any]) -> Iterator[Ehr]:
    """Such a server, as long as the block lasts."""
    ehr = Ehr(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, found = ehr.answer(self.path, self.headers.get("authorization"))
            body = json.dumps(found).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # who asked has left

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ehr.base = f"http://127.0.0.1:{server.server_port}/fhir"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield ehr
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
