"""The rules that watch calls, assignments and attributes, one family a file; `watchers` joins their tables."""
