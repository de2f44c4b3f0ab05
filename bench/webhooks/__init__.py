"""Programs of the webhook benchmarks: receivers, a worker, a bare client, homes with endpoints."""
