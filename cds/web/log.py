"""Logs: one JSON line per event on standard error, ids, counts and timings only."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Set the level (`CDS_LOG_LEVEL`) and the form of every log line of this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
