"""What reprokit can do, one file a verb. They take arguments, return result objects, and print nothing."""
