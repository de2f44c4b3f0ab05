"""Accept: which media types an answer may have (RFC 9110 §12.5.1)."""

import re


def ranked(accepted: str, first: str = "") -> list[str]:
    """The media ranges of an Accept header in lower case, the best first.

    Of equal ones the earlier is better, and `first` the best. What weighs 0 is refused.
    """
    found = []
    for place, part in enumerate(accepted.lower().split(",")):
        media = part.partition(";")[0].strip()
        if quality := _quality(part):
            found.append((-quality, media != first, place, media))
    return [media for *_, media in sorted(found)]


def _quality(media: str) -> float:
    """The weight of a media range (RFC 9110 §12.4.2); 1 where it says none that can be read."""
    for parameter in media.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name == "q" and re.fullmatch(r"[01](\.[0-9]{0,3})?", value):
            return float(value)
    return 1.0
