"""What decides whether two runs are the same: comparators of files, metrics, traces, and the tier rules."""
