"""The records of all switches, by what they belong to: one file for the interpreter, the libraries, each framework."""
