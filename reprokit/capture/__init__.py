"""Looking at a run from the outside: host, packages, git, environment, secrets, files and processes.

Everything here works in reprokit's own process and changes nothing about the run. Linux is seen in full; elsewhere the
parts that need `/proc` or inotify say so in their result (`Seen.active`, empty process lists) and find nothing.
"""
