"""What ends a load: an answer that must not be counted."""


class Wrong(Exception):
    """An answer is not what was asked for; the message shows it."""
