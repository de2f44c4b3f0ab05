"""What a process keeps in memory of the logs, advanced by the feed alone."""
