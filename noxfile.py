"""Checks, documentation, benchmarks, the rebuild of `bundles/`, and the same matrix of tests as tox.ini."""

from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.sessions = ["lint", "types", "tests", "docs"]
nox.options.reuse_existing_virtualenvs = True

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
EXTRAS = {
    "core": "test",
    "numpy": "test,images,hdf5",
    "torch": "test,torch",
    "sklearn": "test,sklearn",
    "all": "test,all",
}
RUNNERS = {
    "xdist": ["-n", "2", "-m", "not slow and not gpu and not alone"],
    "none": ["-p", "no:xdist", "-m", "not slow and not gpu"],
}
CORE_TESTS = ["bundle", "capture", "report", "compare_metrics", "compare_tiers"]
CONSTRAINTS = ("-c", "tests/constraints.txt")
LINEAGE = "torch,sklearn,datasets,standards,systems,postgresql,s3,gcs,test"
LINEAGE_TESTS = [
    *("tests/contract/test_standards.py", "tests/unit/standards", "tests/unit/lineage", "tests/unit/datasets"),
    "tests/unit/compare_files/test_files_dated.py",  # draws with Matplotlib, which MLflow brings
    *(
        str(path)
        for name in ("lineage", "manifests", "mlflow", "pipeline", "release", "wandb")
        for path in sorted(Path("tests/e2e").glob(f"test_{name}*.py"))
    ),
]
MLMD = "tests/unit/standards/test_mlmd.py"


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: rules and format."""
    session.install(*CONSTRAINTS, "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict over the package."""
    session.install(*CONSTRAINTS, ".[lint]")
    session.run("mypy", "--strict")


@nox.session
def tests(session: nox.Session) -> None:
    """The default suite; `nox -s tests -- -m slow` for the rest."""
    session.install(*CONSTRAINTS, ".[all,test]")
    session.run("python", "-m", "pytest", *(session.posargs or ("-m", "not slow and not gpu")))


@nox.session
def frameworks(session: nox.Session) -> None:
    """What trains with TensorFlow, JAX, boosted trees, and with Lightning and others on PyTorch."""
    session.install(*CONSTRAINTS, ".[all,frameworks,test]")
    session.run("python", "-m", "pytest", "-n", "2", "-m", "frameworks and not gpu", *session.posargs)


@nox.session
def standards(session: nox.Session) -> None:
    """Manifests, the graph, and every standard and system against its own library, command or server; none is skipped.

    PostgreSQL's server must be installed (Debian: `apt-get install postgresql`). MLMD's tests are in `nox -s mlmd`.
    """
    # TensorFlow makes TensorBoard's older summaries, and tokenizers a vocabulary
    session.install(*CONSTRAINTS, f".[{LINEAGE}]", "tensorflow-cpu", "tokenizers")
    session.run("python", "-m", "pytest", "--no-skips", *LINEAGE_TESTS, f"--ignore={MLMD}", *session.posargs)


@nox.session(python="3.11")
def mlmd(session: nox.Session) -> None:
    """MLMD stores, read back by `ml-metadata` in an environment of its own: its wheels are for Python 3.9 to 3.11."""
    own = Path(session.create_tmp()) / "mlmd"
    session.run("python", "-m", "venv", str(own))
    session.run(str(own / "bin" / "pip"), "install", "-q", "ml-metadata==1.17.1", external=True)
    session.install(*CONSTRAINTS, ".[lineage,test]")
    session.env["REPROKIT_MLMD_PYTHON"] = str((own / "bin" / "python").absolute())
    session.run("python", "-m", "pytest", "--no-skips", MLMD, *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """What needs a GPU, with whatever PyTorch and JAX this machine's own interpreter has."""
    session.run("python3", "-m", "pytest", "-m", "gpu", *session.posargs, external=True)
    session.run("python3", "benchmarks/bench_gpu.py", external=True)


@nox.session(python=PYTHONS)
@nox.parametrize("runner", list(RUNNERS))
@nox.parametrize("framework", list(EXTRAS))
def matrix(session: nox.Session, framework: str, runner: str) -> None:
    """One cell of the matrix of tox.ini."""
    session.install(*CONSTRAINTS, f".[{EXTRAS[framework]}]")
    chosen = [f"tests/unit/{name}" for name in CORE_TESTS] if framework == "core" else []
    session.run("python", "-m", "pytest", *RUNNERS[runner], *chosen, *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Builds the documentation into `site/`; `nox -s docs -- serve` shows it while you write."""
    session.install(*CONSTRAINTS, ".[docs]")
    session.run("python", "-m", "mkdocs", *(session.posargs or ("build", "--strict")))


@nox.session
def bench(session: nox.Session) -> None:
    """Every benchmark: ratios measured side by side, printed and never asserted."""
    session.install(*CONSTRAINTS, ".[all,frameworks,openlineage,test]")
    for script in sorted(Path("benchmarks").glob("bench_*.py")):
        session.log(script.stem)
        session.run("python", str(script), *session.posargs)


@nox.session
def bundles(session: nox.Session) -> None:
    """Replays every bundle in `bundles/` to its target; `nox -s bundles -- make` records those that are missing."""
    session.install(*CONSTRAINTS, ".[all,test]")
    if session.posargs == ["make"]:
        session.run("python", "bundles/make.py")
        return
    session.run("python", "-m", "pytest", "bundles/", "--repro-trust", *session.posargs)
