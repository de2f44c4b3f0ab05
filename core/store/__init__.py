"""The database: tables, the committer that writes facts, and the reads. The only room with SQL."""
