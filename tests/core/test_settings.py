"""Settings: what an operator may say, and how a mistake is answered."""

import base64
import os
import traceback
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st
from pydantic import ValidationError

from core.broadcast.hints import BACKENDS
from core.settings import Settings

KEY = bytes(range(32))
KEYS = (
    "LATCHKEY_SECRET_KEYS must be one or more keys of 32 random bytes in base64, comma separated; "
    "the first seals, all open. Make one with: openssl rand -base64 32"
)
METRICS = (
    "LATCHKEY_METRICS_TOKEN must be 16 or more printable characters without spaces. "
    "Make one with: openssl rand -hex 32"
)
PUBLIC = (
    "LATCHKEY_PUBLIC_URL must start with http:// or https:// and name a host, without a query, "
    "such as https://api.example.com."
)
DATABASE = "LATCHKEY_DATABASE_URL must start with sqlite+aiosqlite:// or postgresql+asyncpg://."
BROADCAST = (
    "LATCHKEY_BROADCAST_URL must start with memory:// or redis:// or rediss:// or redis+cluster:// "
    "or rediss+cluster:// or postgresql:// or postgresql+asyncpg://."
)
DEVICES = "LATCHKEY_DEVICES_URL must start with simulator://."
NETWORK = "{!r} does not appear to be an IPv4 or IPv6 network"
NUMBER = "Input should be a valid integer, unable to parse string as an integer"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set but what a test sets."""
    for name in [name for name in os.environ if name.startswith("LATCHKEY_")]:
        monkeypatch.delenv(name)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    """The settings with these variables set."""
    with monkeypatch.context() as here:
        for name, value in variables.items():
            here.setenv(f"LATCHKEY_{name}", value)
        return Settings()


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> tuple[str, str]:
    """The variable that is wrong, and the sentence."""
    with pytest.raises(ValidationError) as refused:
        read(monkeypatch, **variables)
    (problem,) = refused.value.errors()
    sentence = problem["msg"].removeprefix("Value error, ")
    return str(problem["loc"][0] if problem["loc"] else "").upper(), sentence


def based(key: bytes) -> str:
    """A key as the variable has it."""
    return base64.b64encode(key).decode()


def test_nothing_has_to_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not set has a default that is good on one machine."""
    settings = read(monkeypatch)
    assert settings.database_url.startswith("sqlite+aiosqlite:///")
    assert (settings.broadcast_url, settings.devices_url) == ("memory://", "")
    assert (settings.public_url, settings.loopback) == ("http://127.0.0.1:8000", True)
    assert (settings.access_token_seconds, settings.init_timeout_seconds) == (900, 10)
    assert settings.secret_keys == ()


def test_every_setting_is_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field is read from its own name, in any case; other variables are not ours."""
    settings = read(
        monkeypatch,
        DATABASE_URL="postgresql+asyncpg://u:p@h/d",
        devices_url="simulator://?seed=3",
        PUBLIC_URL="https://api.example.com",
        ACCESS_TOKEN_SECONDS="60",
        BODY_BYTES="5000",
    )
    assert settings.database_url == "postgresql+asyncpg://u:p@h/d"
    assert settings.devices_url == "simulator://?seed=3"
    assert (settings.access_token_seconds, settings.body_bytes) == (60, 5_000)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SECRET_KEYS", "YWJj", KEYS),
        ("SECRET_KEYS", "not base64!", KEYS),
        ("SECRET_KEYS", "schlüssel", KEYS),
        ("SECRET_KEYS", based(KEY) + ",YWJj", KEYS),
        ("SECRET_KEYS", based(bytes(31)), KEYS),
        ("SECRET_KEYS", based(bytes(33)), KEYS),
        ("METRICS_TOKEN", "short", METRICS),
        ("METRICS_TOKEN", "a space in between", METRICS),
        ("METRICS_TOKEN", "schlüsselschlüssel", METRICS),
        ("PROXIES", "10.0.0.1,proxy", NETWORK.format("proxy")),
        ("WEBHOOK_ALLOW", "10.0.0.0/8, all", NETWORK.format("all")),
        ("WEBHOOK_ALLOW", "10.0.0.0/33", NETWORK.format("10.0.0.0/33")),
        ("WEBHOOK_TIMEOUT_SECONDS", "0.5", "Input should be greater than or equal to 1"),
        ("WEBHOOK_TIMEOUT_SECONDS", "61", "Input should be less than or equal to 60"),
        ("PUBLIC_URL", "api.example.com", PUBLIC),
        ("PUBLIC_URL", "ftp://api.example.com", PUBLIC),
        ("PUBLIC_URL", "HTTP://api.example.com", PUBLIC),
        ("PUBLIC_URL", "https://", PUBLIC),
        ("PUBLIC_URL", "https://[", PUBLIC),
        ("PUBLIC_URL", "https://api.example.com:port", PUBLIC),
        ("PUBLIC_URL", "https://api.example.com:0", PUBLIC),
        ("PUBLIC_URL", "https://api.example.com/?a=b", PUBLIC),
        ("PUBLIC_URL", "https://api.example.com/#a", PUBLIC),
        ("PUBLIC_URL", "", PUBLIC),
        ("ACCESS_TOKEN_SECONDS", "soon", NUMBER),
        ("ACCESS_TOKEN_SECONDS", "", NUMBER),
        ("ACCESS_TOKEN_SECONDS", "0", "Input should be greater than or equal to 1"),
        ("ACCESS_TOKEN_SECONDS", "86401", "Input should be less than or equal to 86400"),
        ("INIT_TIMEOUT_SECONDS", "0", "Input should be greater than 0"),
        ("INIT_TIMEOUT_SECONDS", "nan", "Input should be less than or equal to 60"),
        ("BODY_BYTES", "999", "Input should be greater than or equal to 1000"),
        ("DOCUMENT_TOKENS", "1", "Input should be greater than or equal to 100"),
        ("DOCUMENT_DEPTH", "1", "Input should be greater than or equal to 5"),
        ("DOCUMENT_ALIASES", "0", "Input should be greater than or equal to 1"),
        ("DOCUMENT_NODES", "1e6", NUMBER),
        ("DOCUMENT_COST", "99", "Input should be greater than or equal to 100"),
        ("SOCKET_OPERATIONS", "-1", "Input should be greater than or equal to 1"),
        ("SOCKET_MESSAGE_BYTES", "0", "Input should be greater than or equal to 1000"),
        ("REQUEST_SECONDS", "-1", "Input should be greater than 0"),
    ],
)
def test_a_mistake_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """Which variable it is, and what would be right."""
    assert refusal(monkeypatch, **{name: value}) == (name, sentence)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "postgres://h/d", DATABASE),
        ("DATABASE_URL", "sqlite:///x.db", DATABASE),
        ("DATABASE_URL", "", DATABASE),
        ("BROADCAST_URL", "redis-stream://h", BROADCAST),
        ("BROADCAST_URL", "memory", BROADCAST),
        ("BROADCAST_URL", "", BROADCAST),
        ("DEVICES_URL", "mqtt://h", DEVICES),
    ],
)
def test_a_scheme_that_nothing_serves_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """The sentence has the variable and every scheme that would do; only devices may be absent."""
    assert refusal(monkeypatch, **{name: value}) == ("", sentence)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=4))
def test_keys_are_read_in_their_order(keys: list[bytes]) -> None:
    """The first seals, so the order counts; stray commas do not."""
    with pytest.MonkeyPatch.context() as here:
        for text in (",".join(map(based, keys)), ",,".join(["", *map(based, keys), ""])):
            assert read(here, SECRET_KEYS=text).secret_keys == tuple(keys)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_whatever_keys_are_they_are_keys_or_refused(text: str) -> None:
    """There is one sentence for every mistake."""
    with pytest.MonkeyPatch.context() as here:
        try:
            keys = read(here, SECRET_KEYS=text).secret_keys
        except ValidationError:
            assert refusal(here, SECRET_KEYS=text) == ("SECRET_KEYS", KEYS)
        else:
            assert all(len(key) == 32 for key in keys)


@given(st.from_regex(r"[A-Za-z0-9]{12,40}", fullmatch=True))
def test_a_secret_is_in_no_refusal(secret: str) -> None:
    """Neither a key nor a password of a database comes back in what is said or shown of it."""
    assume(secret not in KEYS)
    for wrong in (
        {"SECRET_KEYS": f"{secret}!"},
        {"SECRET_KEYS": f"{based(KEY)},{based(secret.encode()[:20])}"},
        {"DATABASE_URL": f"mysql://latchkey:{secret}@h/d"},
        {"BROADCAST_URL": f"kafka://:{secret}@h"},
        {"DATABASE_URL": f"postgresql+asyncpg://u:{secret}@h/d", "BODY_BYTES": "x"},
    ):
        with pytest.MonkeyPatch.context() as here, pytest.raises(ValidationError) as refused:
            read(here, **wrong)
        shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value)
        assert not any(part in shown for part in (secret, based(secret.encode()[:20])))


@pytest.mark.parametrize("scheme", BACKENDS)
def test_every_broadcast_is_a_setting(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """What can be opened can be said, and as the test above has it nothing else."""
    assert read(monkeypatch, BROADCAST_URL=f"{scheme}h").broadcast_url == f"{scheme}h"
    assert f" {scheme}" in BROADCAST


def test_a_secret_is_in_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings may be printed."""
    url = "postgresql+asyncpg://u:hunter2@h/d"
    token = "0123456789abcdef"
    settings = read(monkeypatch, SECRET_KEYS=based(KEY), DATABASE_URL=url, METRICS_TOKEN=token)
    for text in (repr(settings), str(settings)):
        assert not any(secret in text for secret in ("hunter2", based(KEY), repr(KEY), token))


@pytest.mark.parametrize("keys", [(b"short",), (KEY, b""), ("text",)])
def test_keys_from_code_are_checked_as_well(keys: Any) -> None:
    """The demo reads its key from a file."""
    with pytest.raises(ValidationError, match="openssl rand -base64 32"):
        Settings(secret_keys=keys)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://[::1]:1", True),
        ("https://localhost/api", True),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1@evil.example.com", False),
        ("https://api.example.com", False),
    ],
)
def test_loopback_is_this_machine_alone(
    monkeypatch: pytest.MonkeyPatch, url: str, loopback: object
) -> None:
    """By the host of the public URL, whatever else stands in it."""
    assert read(monkeypatch, PUBLIC_URL=url).loopback is loopback


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_a_public_url_has_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """With one or without, issuer and audience are the same."""
    settings = read(monkeypatch, PUBLIC_URL=f"https://api.example.com/home{end}")
    assert settings.public_url == "https://api.example.com/home"


def test_settings_do_not_change() -> None:
    """They are read once; whoever wants others makes others."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().public_url = "http://x"
    with pytest.raises(ValidationError, match="Extra inputs"):
        Settings(colour="blue")  # type: ignore[call-arg]  # that is what must not work
