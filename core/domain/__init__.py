"""The words of the house as frozen values and pure functions; imports no framework."""
