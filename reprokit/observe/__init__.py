"""What runs inside the user's process: small, standard library only, and silent.

Every hook here obeys one rule: whatever fails in it disables that hook and is noted; the script goes on as if it had
not been observed.
"""
