"""What a switch can be set to: each kind reads a value as typed, as TOML has it, or as it was read back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Protocol


class Values(Protocol):
    """The legal values of a switch."""

    @property
    def shown(self) -> str:
        """The legal values in words, for messages and for the reference."""

    def parse(self, given: Any) -> Any:
        """The one spelling of a value: two that mean the same are equal afterwards.

        Raises:
            ValueError: it is none of the legal values.
        """


_TRUE, _FALSE = ("1", "true", "on", "yes"), ("0", "false", "off", "no")


@dataclass(frozen=True)
class Flag:
    """True or false."""

    shown: str = "true, false"

    def parse(self, given: Any) -> bool:
        """See `Values`; 1, ``on`` and ``yes`` are true as well."""
        text = str(given).strip().lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise ValueError(self.shown)


@dataclass(frozen=True)
class OneOf:
    """One of a few words.

    Attributes:
        words: the spellings that are kept.
        aliases: other spellings, in lower case, of the same.
    """

    words: tuple[str, ...]
    aliases: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def shown(self) -> str:
        """See `Values`."""
        return ", ".join(self.words)

    def parse(self, given: Any) -> str:
        """See `Values`; upper and lower case are the same."""
        text = str(given).strip().lower()
        for word in self.words:
            if word.lower() == text:
                return word
        if text in self.aliases:
            return self.aliases[text]
        raise ValueError(self.shown)


@dataclass(frozen=True)
class Whole:
    """A whole number from ``low`` to ``high``, both included; ``high`` None for no limit."""

    low: int | None = 1
    high: int | None = None

    @property
    def shown(self) -> str:
        """See `Values`."""
        if self.low is None and self.high is None:
            return "a whole number"
        return f"a whole number from {self.low}" + (f" to {self.high}" if self.high is not None else "")

    def parse(self, given: Any) -> int:
        """See `Values`."""
        if isinstance(given, bool) or not re.fullmatch(r"\s*[+-]?[0-9]{1,4000}\s*", str(given)):
            raise ValueError(self.shown)
        number = int(given)
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            raise ValueError(self.shown)
        return number


@dataclass(frozen=True)
class Text:
    """Text of a form: all of it must match ``pattern``."""

    pattern: str
    shown: str

    def parse(self, given: Any) -> str:
        """See `Values`."""
        text = str(given).strip()
        if not isinstance(given, str) or "\0" in text or not re.fullmatch(self.pattern, text):
            raise ValueError(self.shown)
        return text


@dataclass(frozen=True)
class SetOf:
    """At least one of several words, joined by commas in the order of ``words``."""

    words: tuple[str, ...]

    @property
    def shown(self) -> str:
        """See `Values`."""
        return "one or more, joined by commas, of " + ", ".join(self.words)

    def parse(self, given: Any) -> str:
        """See `Values`; a list is taken too."""
        parts = given if isinstance(given, (list, tuple)) else str(given).split(",")
        asked = {str(part).strip().lower() for part in parts}
        if not asked or not asked <= set(self.words):
            raise ValueError(self.shown)
        return ",".join(word for word in self.words if word in asked)


@dataclass(frozen=True)
class Options:
    """Command-line options in one text, ``--name=value`` each, as ``XLA_FLAGS`` takes them."""

    shown: str = "options such as --name=value, separated by blanks"

    def parse(self, given: Any) -> str:
        """See `Values`; a list is taken too. Of an option given twice the last one stays, as the reader would do."""
        words = list(map(str, given)) if isinstance(given, (list, tuple)) else str(given).split()
        if not all(re.fullmatch(r"--[A-Za-z0-9_.-]+(=\S*)?", word) for word in words):
            raise ValueError(self.shown)
        last = {word.partition("=")[0]: word for word in words}
        return " ".join(last.values())
