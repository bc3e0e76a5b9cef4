"""Two load clients with one result: `wrk` where it is installed, else a plain asyncio socket."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

WARM_UP_SECONDS = 0.3
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Sample:
    """One round: latencies in milliseconds, answers per second."""

    p50_ms: float
    p99_ms: float
    rps: float


def client_name() -> str:
    """Which client measures on this machine."""
    return "wrk" if shutil.which("wrk") else "asyncio socket client of this folder"


def measure(port: int, path: str, body: bytes, connections: int, seconds: float) -> Sample:
    """Load the server for `seconds` over `connections` kept-open connections."""
    if shutil.which("wrk"):
        return _wrk(port, path, body, connections, seconds)
    return asyncio.run(_sockets(port, path, body, connections, seconds))


async def _sockets(port: int, path: str, body: bytes, connections: int, seconds: float) -> Sample:
    request = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    start = perf_counter() + WARM_UP_SECONDS
    runs = [_one(port, request, start, start + seconds) for _ in range(connections)]
    times = sorted(time for found in await asyncio.gather(*runs) for time in found)
    return Sample(
        times[len(times) // 2] * 1000,
        times[min(len(times) - 1, int(len(times) * 0.99))] * 1000,
        len(times) / seconds,
    )


async def _one(port: int, request: bytes, start: float, end: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    times: list[float] = []
    while (sent := perf_counter()) < end:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if not head.startswith(b"HTTP/1.1 200") or length is None:
            raise SystemExit(f"bench: unexpected answer {head[:60]!r}")
        await reader.readexactly(int(length[1]))
        if sent >= start:
            times.append(perf_counter() - sent)
    writer.close()
    await writer.wait_closed()
    return times


def _wrk(port: int, path: str, body: bytes, connections: int, seconds: float) -> Sample:
    with tempfile.TemporaryDirectory() as folder:
        payload, script = Path(folder) / "body.json", Path(folder) / "post.lua"
        payload.write_bytes(body)
        script.write_text(
            f'local f = io.open("{payload}", "rb")\nwrk.method = "POST"\nwrk.body = f:read("*a")\n'
            'wrk.headers["Content-Type"] = "application/json"\n'
        )
        words = [f"-c{connections}", "-t1", f"-d{max(1, round(seconds))}s", "--latency"]
        found = subprocess.run(
            ["wrk", *words, "-s", str(script), f"http://127.0.0.1:{port}{path}"],
            capture_output=True,
            text=True,
            check=False,
        )
    if found.returncode != 0:
        raise SystemExit(
            f"bench: wrk failed; take it off the path to measure without\n{found.stderr}"
        )
    if "Non-2xx" in found.stdout:
        raise SystemExit(f"bench: wrk saw answers that were not 200\n{found.stdout}")
    return parse_wrk(found.stdout)


def parse_wrk(text: str) -> Sample:
    """The latency distribution and the rate out of what `wrk --latency` prints."""

    def latency(share: str) -> float:
        found = re.search(rf"^\s*{share}%\s+([\d.]+)(us|ms|s)\s*$", text, re.MULTILINE)
        if found is None:
            raise SystemExit(f"bench: wrk printed no {share}% latency")
        return float(found[1]) * _MILLISECONDS[found[2]]

    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if rate is None:
        raise SystemExit("bench: wrk printed no Requests/sec")
    return Sample(latency("50"), latency("99"), float(rate[1]))
