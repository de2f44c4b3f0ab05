"""The truth: what holds without HTTP and without GraphQL."""
