"""Checks that a test makes of values: against a stored baseline, and of invariances.

Nothing here knows pytest. `baselines` holds values against what is stored beside a test; `runs`, `resume`, `batches`,
`threads`, `workers`, `hash_seeds` and `file_order` take functions and say whether their results hold when something
changes that should not matter.
"""

from __future__ import annotations
