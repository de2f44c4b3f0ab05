"""Logs: structured lines on stderr. Nothing secret is ever bound to one."""

import logging
import sys
from typing import TextIO

import structlog

Logger = structlog.stdlib.BoundLogger


def configure(*, pretty: bool, level: int = logging.INFO, stream: TextIO = sys.stderr) -> None:
    """Send every log line, ours and our libraries', to `stream`: JSON, or readable for a person."""
    renderer = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # At DEBUG it writes tokens.
    logging.getLogger("authlib").setLevel(logging.WARNING)
    # At INFO it writes each socket's URL, and some clients put tokens there.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def logger(name: str) -> Logger:
    """A logger for one module."""
    log: Logger = structlog.stdlib.get_logger(name)
    return log
