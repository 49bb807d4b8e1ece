"""Arms the observer in every Python process below ``reprokit record`` and ``reprokit replay``.

This directory stands at the head of PYTHONPATH, so ``site`` imports this file at start. It leaves the process as the
script would have found it: the directory goes from ``sys.path``, and the user's own ``sitecustomize`` still runs.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # pathlib would cost 10 ms at every start


def _load_reprokit() -> None:
    """Imports *this* reprokit, also where the script's interpreter has another one or none."""
    if "reprokit" in sys.modules:
        return
    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import spec_from_file_location

    package = os.path.dirname(os.path.dirname(_HERE))
    spec = spec_from_file_location(
        "reprokit",
        os.path.join(package, "__init__.py"),
        submodule_search_locations=[package],
    )
    if spec is None or spec.loader is None:
        raise ImportError(package)
    module = module_from_spec(spec)
    sys.modules["reprokit"] = module
    spec.loader.exec_module(module)


def _arm() -> None:
    directory = os.environ.get("REPROKIT_OBSERVE")
    if not directory or not os.path.isdir(directory):
        return
    try:
        _load_reprokit()
        from reprokit.observe import start

        start.arm(directory)
    except BaseException as error:  # noqa: BLE001 - nothing of ours may stop the script from starting
        try:
            with open(os.path.join(directory, f"broken-{os.getpid()}"), "w") as file:
                file.write(repr(error))
        except OSError:
            pass


def _run_users_own() -> None:
    """Imports the ``sitecustomize`` that would have been found without us."""
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        if "sitecustomize" not in sys.modules and ours is not None:
            sys.modules["sitecustomize"] = ours


sys.path[:] = [entry for entry in sys.path if entry != _HERE]
sys.path_importer_cache.pop(_HERE, None)
_arm()
_run_users_own()
