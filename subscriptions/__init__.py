"""Tap 1: committed events to GraphQL over WebSocket."""
