"""The peers: other servers that answer the same documents, each as its users would start it."""
