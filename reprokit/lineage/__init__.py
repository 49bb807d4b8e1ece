"""Which data made which model: the graph of artifacts, executions and events, where it is kept, and what it must hold.

`merging` and `graph` are pure: they join parts of a graph and walk it. `store` keeps one in SQLite or PostgreSQL.
`rules` says what is missing or wrong in one. `standards` has one file a standard: it writes a graph, reads one where
the standard can, and says what the standard loses.
"""
