"""Two load clients with one result: `wrk` where it is installed, else a plain asyncio socket.

Both send requests that were made before the clock runs: neither a new body nor a signature is paid
for by the figures.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bench.calls import Calls

WARM_UP_SECONDS = 0.3
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}

# Whole requests, each behind its length; wrk takes them in turn.
_LUA = """
local all, n = {}, 0
for part in io.lines("{list}") do
  local file = io.open(part, "rb")
  all[#all + 1] = file:read("*a")
  file:close()
end
request = function()
  n = n % #all + 1
  return all[n]
end
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One round: latencies in milliseconds, answers per second."""

    p50_ms: float
    p99_ms: float
    rps: float


def client_name() -> str:
    """Which client measures on this machine."""
    return "wrk" if shutil.which("wrk") else "asyncio socket client of this folder"


def measure(calls: Calls, connections: int, seconds: float) -> Sample:
    """Load the server for `seconds` over `connections` kept-open connections."""
    if shutil.which("wrk"):
        return _wrk(calls, connections, seconds)
    calls.prepare()
    return asyncio.run(_sockets(calls, connections, seconds))


async def _sockets(calls: Calls, connections: int, seconds: float) -> Sample:
    start = perf_counter() + WARM_UP_SECONDS
    runs = [_one(calls, start, start + seconds) for _ in range(connections)]
    times = sorted(time for found in await asyncio.gather(*runs) for time in found)
    return Sample(
        times[len(times) // 2] * 1000,
        times[min(len(times) - 1, int(len(times) * 0.99))] * 1000,
        len(times) / max(seconds, perf_counter() - start),
    )


async def _one(calls: Calls, start: float, end: float) -> list[float]:
    """Latencies of one connection; at least one, however slow the server is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", calls.port, limit=2**20)
    times: list[float] = []
    while perf_counter() < end or not times:
        request = calls.next()
        sent = perf_counter()
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


def _wrk(calls: Calls, connections: int, seconds: float) -> Sample:
    whole = max(1, round(seconds))
    with tempfile.TemporaryDirectory() as folder:
        script, listed = Path(folder) / "requests.lua", Path(folder) / "list"
        names = []
        for number, request in enumerate(calls.many(connections, whole)):
            names.append(f"{folder}/{number}")
            Path(names[-1]).write_bytes(request)
        listed.write_text("\n".join(names) + "\n")
        script.write_text(_LUA.replace("{list}", str(listed)))
        words = [f"-c{connections}", "-t1", f"-d{whole}s", "--latency", "-s", str(script)]
        found = subprocess.run(
            ["wrk", *words, f"http://127.0.0.1:{calls.port}"],
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
