"""The answers: authorise, load, page. Plain functions on domain records; no GraphQL in them."""
