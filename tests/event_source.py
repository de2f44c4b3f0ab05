"""A reader of event streams, as a browser has one (HTML, 9.2.6 "Interpreting an event stream")."""

import codecs
import re
from typing import NamedTuple

LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r(?!$))")
"""A line with its end; a CR at the end of what has come may have its LF yet to come."""


class Told(NamedTuple):
    """An event that a page is told."""

    type: str
    data: str
    last_id: str


class EventSource:
    """Takes bytes as they come, and gives the events that they complete."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry: int | None = None
        self.comments = 0
        self._text = ""
        self._begun = False
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._id, self._type = "", ""
        self._data: list[str] = []

    def feed(self, part: bytes) -> list[Told]:
        """Some bytes more."""
        self._text += self._decoder.decode(part)
        if not self._begun and self._text:
            self._begun, self._text = True, self._text.removeprefix("\N{BOM}")
        told = []
        while (line := LINE.match(self._text)) is not None:
            self._text = self._text[line.end() :]
            if line[1]:
                self._take(line[1])
            elif (event := self._dispatch()) is not None:
                told.append(event)
        return told

    def _take(self, line: str) -> None:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "":
                self.comments += 1
            case "event":
                self._type = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry = int(value)

    def _dispatch(self) -> Told | None:
        self.last_id = self._id
        kind, data = self._type, self._data
        self._type, self._data = "", []
        return Told(kind or "message", "\n".join(data), self.last_id) if data else None
