"""The settings that a run was recorded with, as they stand in its bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydantic

from reprokit.errors import CorruptBundleError
from reprokit.schema.config import Config

if TYPE_CHECKING:
    from reprokit.schema.manifest import Manifest

_NOT_OF_A_REPLAY = ("lint", "lineage", "dataset", "release")


def settings_of(manifest: Manifest) -> Config:
    """What the recording's project said; a verdict that left some of it out would be another one.

    Raises:
        CorruptBundleError: RPK025, there is a setting that this version does not know; RPK027, one has a value that
            none can have.
    """
    told = {name: value for name, value in manifest.run.config.items() if name not in _NOT_OF_A_REPLAY}
    try:
        return Config.model_validate(told)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        what = f"the settings of the recorded run {manifest.run.name}"
        if first["type"] == "extra_forbidden":
            raise CorruptBundleError("RPK025", f"{what} have {place!a}, which this version does not know") from None
        raise CorruptBundleError("RPK027", f"{what} are invalid at {place}: {first['msg']}") from None
