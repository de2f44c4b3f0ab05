"""`python -m app` is `latchkey`."""

from app.cli import main

main()
