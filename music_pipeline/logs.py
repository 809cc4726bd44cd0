"""Logs as JSON lines, one per event.

Only entry points configure them. Callers never pass secrets to a log.
"""

import logging
import sys
from pathlib import Path
from typing import TextIO

import stamina
import stamina.instrumentation
import structlog

CHATTY = ("httpx", "httpcore", "urllib3", "spotipy", "asyncio")


def configure(*, file: Path | None = None, level: int = logging.INFO) -> None:
    """Write events of at least `level` to `file`, otherwise to stderr."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(_opened(file)),
        cache_logger_on_first_use=False,
    )
    stamina.instrumentation.set_on_retry_hooks(())  # it would log the arguments of retried calls
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _opened(file: Path | None) -> TextIO:
    if file is None:
        return sys.stderr
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.open("a", buffering=1, encoding="utf-8")
