"""What tests of broadcasts on servers share."""

import pytest

from core.broadcast import redial


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that do not answer are given up soon, and dialled again soon."""
    monkeypatch.setattr(redial, "MOST_SECONDS", 0.2)
    monkeypatch.setattr(redial, "DIAL_SECONDS", 1.0)
    monkeypatch.setattr(redial, "PING_SECONDS", 0.1)
    monkeypatch.setattr(redial, "SILENT_SECONDS", 1.0)
