"""Logs: one JSON line per event on standard error, ids, counts and timings only.

Other people's code logs too, and its lines may hold an address with a patient's id or an exception
with a value. Of those only the logger, the level and the place in the code are told; the server's
own plain lines are told as they are.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import structlog

from cds.web.guard import places

_SERVER = "uvicorn"
_encoder = msgspec.json.Encoder(enc_hook=repr)
_TALKATIVE = ("httpx", "httpcore", "asyncio")  # a line for every request and connection


def configure(level: str, wall: Callable[[], datetime]) -> None:
    """Set the level (`CDS_LOG_LEVEL`) and the form of every log line of this process. `wall` tells
    the real time (aware)."""
    number = logging.getLevelName(level.upper())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            partial(_stamped, wall),
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Discreet())
    logging.basicConfig(level=max(number, logging.INFO), handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in (_SERVER, f"{_SERVER}.error"):
        theirs = logging.getLogger(name)
        theirs.handlers.clear()
        theirs.propagate = True
    # Its line for every request would say nothing once its words are gone, and takes as long as
    # ours, which stands beside it.
    access = logging.getLogger(f"{_SERVER}.access")
    access.handlers.clear()
    access.propagate = False


def _stamped(
    wall: Callable[[], datetime], _logger: object, _name: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    """With its moment in UTC. The stamper of structlog takes five times as long to say the same."""
    moment = wall().astimezone(UTC).isoformat(timespec="microseconds")
    event["timestamp"] = f"{moment[: -len('+00:00')]}Z"
    return event


def _line(_logger: object, _name: str, event: Mapping[str, Any]) -> str:
    """An event as JSON; what JSON has no form for in the words of its `repr`."""
    return _encoder.encode(event).decode()


class Discreet(logging.Formatter):
    """A line of the standard library's logging as JSON, without what may be about a patient."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "event": self._event(record),
            "logger": record.name,
            "place": f"{record.pathname}:{record.lineno} {record.funcName}",
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line |= {"kind": type(error).__name__, "places": places(error)}
        return json.dumps(line)

    def _event(self, record: logging.LogRecord) -> str:
        """The server's messages name processes and addresses to listen on. Those with an exception
        or about a single request are left out like everybody else's."""
        ours = record.name == f"{_SERVER}.error" and not record.exc_info
        if ours and record.levelno == logging.INFO and "%s - " not in str(record.msg):
            return record.getMessage()
        return "a line of another library"
