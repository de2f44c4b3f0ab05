"""Pages for people: rendered here, with assets from here, under a strict policy."""
