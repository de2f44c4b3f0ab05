"""Tap 2: committed events to receivers on the web, as signed POSTs."""
