"""Starts a command: prepares the recording's directory, passes its output on, stops it in time, isolates a replay."""
