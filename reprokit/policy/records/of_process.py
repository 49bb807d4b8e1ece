"""Switches of the interpreter and its surroundings: hash seed, order of files, locale, time zone, random draws."""

from __future__ import annotations

from reprokit.policy.switch import Switch
from reprokit.policy.values import OneOf, Text, Whole

_FREE = "none"

PROCESS: tuple[Switch, ...] = (
    Switch(
        "python.hash_seed", Whole(0, 2**32 - 1), "variable",
        "strings and bytes hash alike in every run, so sets of them are iterated in the same order",
        _FREE, "https://docs.python.org/3/using/cmdline.html#envvar-PYTHONHASHSEED", "Python 3.3",
        variable="PYTHONHASHSEED",
    ),
    Switch(
        "python.seed", Whole(None), "seed", "seeds the global generator of `random`",
        _FREE, "https://docs.python.org/3/library/random.html#random.seed",
    ),
    Switch(
        "numpy.seed", Whole(None), "seed", "seeds NumPy's global generator (`numpy.random.seed`)",
        _FREE, "https://numpy.org/doc/stable/reference/random/generated/numpy.random.seed.html",
        frameworks=("numpy",), devices=("cpu",),
    ),
    Switch(
        "python.file_order", OneOf(("system", "sorted")), "process",
        "`os.listdir` and `os.scandir`, and with them `glob`, `os.walk` and `pathlib`, list names in sorted order; the "
        "system's order depends on the file system and on its history",
        "a sort of each listing", "https://docs.python.org/3/library/os.html#os.listdir",
        devices=("cpu",), order=("system", "sorted"),
    ),
    Switch(
        "system.locale", Text(r"[A-Za-z0-9_.@-]+", "a locale such as C.UTF-8"), "variable",
        "sorting, formats of numbers and the encoding of text do not depend on the user's locale",
        _FREE, "https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html", variable="LC_ALL",
        devices=("cpu",),
    ),
    Switch(
        "system.time_zone", Text(r"[A-Za-z0-9_+:,./<>-]+", "a time zone such as UTC"), "variable",
        "local times do not depend on the machine's time zone",
        _FREE, "https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html", variable="TZ",
        devices=("cpu",),
    ),
)  # fmt: skip
"""Switches of any Python program."""
