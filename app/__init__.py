"""The edge: where bytes come in and processes start. Nobody imports it."""
