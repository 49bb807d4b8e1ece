"""Invariances of functions: each holds where it should, and names where and why where a fault is planted."""

# ruff: noqa: NPY002, PLW0108 - the global generators and the late look-ups are the subject here

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest

from reprokit.checks import (
    InvarianceError,
    batch_invariant,
    hash_seed_invariant,
    order_of_files_invariant,
    run_to_run,
    thread_invariant,
)
from reprokit.errors import UsageError


def failure(check, *arguments, code: str = "RPK075", **named) -> str:
    with pytest.raises(InvarianceError) as caught:
        check(*arguments, **named)
    assert caught.value.code == code
    assert caught.value.hint
    return str(caught.value)


def misuse(check, *arguments, code: str = "RPK077", **named) -> str:
    with pytest.raises(UsageError) as caught:
        check(*arguments, **named)
    assert caught.value.code == code
    assert caught.value.hint
    return str(caught.value)


def test_run_to_run_holds_and_leaves_the_generators_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()

    def seeded():
        random.seed(1)
        np.random.seed(1)
        return {"a": random.random(), "b": np.random.rand(3)}

    run_to_run(seeded, runs=4)
    assert (np.random.get_state()[1] == before).all()


@pytest.mark.parametrize(("draw", "name"), [(random.random, "python"), (lambda: np.random.rand(2), "numpy")])
def test_run_to_run_names_the_generator_that_is_drawn_from(draw, name):
    said = failure(run_to_run, draw)
    assert "cause: random draws" in said
    assert f"generator of {name};" in said
    assert "max abs" in said


def test_run_to_run_tells_other_causes_from_random_draws():
    generator = np.random.default_rng()
    said = failure(run_to_run, lambda: {"x": [0.0, float(generator.random())], "y": random.random()})
    assert "x/1" in said
    assert "not the global random generators" in said


def test_run_to_run_sees_one_ulp():
    values = iter([1.0, float(np.nextafter(1, 2)), 1.0])
    assert "max 1 ULP" in failure(run_to_run, lambda: next(values))


def test_run_to_run_refuses_what_it_cannot_compare():
    misuse(run_to_run, lambda: None)
    misuse(run_to_run, lambda: 1, 1)
    misuse(run_to_run, object, code="RPK070")


def test_thread_invariant_holds_for_a_function_that_does_not_split_its_sums():
    thread_invariant(lambda: np.arange(10.0) * 2)


def test_thread_invariant_finds_what_follows_the_count():
    from threadpoolctl import threadpool_info

    def counting():
        return np.full(3, 1 + 1e-9 * max(pool["num_threads"] for pool in threadpool_info()))

    said = failure(thread_invariant, counting)
    assert "1 -> 2" in said
    assert "3 of 3 elements differ" in said
    thread_invariant(counting, rtol=1e-6)


def test_thread_invariant_does_not_blame_threads_for_noise():
    noise = iter(range(100))
    assert "differs with 1 threads twice" in failure(thread_invariant, lambda: next(noise))


@pytest.mark.parametrize("threads", [(1,), (2, 2), (0, 1)])
def test_thread_invariant_refuses_counts_that_vary_nothing(threads):
    misuse(thread_invariant, lambda: 1, threads)


def test_batch_invariant_holds_row_by_row():
    batch = {"x": np.arange(12.0).reshape(4, 3), "y": [np.arange(4)]}
    batch_invariant(lambda rows: {"sum": rows["x"].sum(axis=1), "y": rows["y"][0]}, batch)


def test_batch_invariant_names_the_row_and_the_element():
    batch = np.arange(12, dtype=np.float32).reshape(4, 3)

    def mixing(rows):
        found = rows.copy()
        if len(rows) > 2:
            found[2, 1] = np.nextafter(found[2, 1], np.float32(99))
        return found

    said = failure(batch_invariant, mixing, batch)
    assert "row 2 of 4" in said
    assert "[0, 1]" in said
    assert "max 1 ULP" in said
    batch_invariant(mixing, batch, ulp=1)


def test_batch_invariant_tells_normalisation_from_random_draws():
    batch = np.arange(12.0).reshape(4, 3)
    assert "mixes rows" in failure(batch_invariant, lambda rows: rows - rows.mean(axis=0), batch)
    said = failure(batch_invariant, lambda rows: rows * np.random.rand(len(rows), 3), batch)
    assert "random draws" in said
    noise = iter(range(9))
    assert "twice" in failure(batch_invariant, lambda rows: rows + next(noise), batch)


def test_batch_invariant_refuses_what_has_no_rows():
    batch = np.ones((4, 3))
    misuse(batch_invariant, lambda rows: rows.sum(), batch)
    misuse(batch_invariant, lambda rows: rows, batch[:1])
    misuse(batch_invariant, lambda rows: rows, {"a": batch, "b": batch[:2]})
    misuse(batch_invariant, lambda rows: rows, 3.0)


def test_hash_seed_invariant_holds(module):
    hash_seed_invariant(module.sorted_words)
    hash_seed_invariant(module.draws, (0, 1))
    hash_seed_invariant(module.Holder.inside, (0, 1))


def test_hash_seed_invariant_finds_the_order_of_a_set(module):
    said = failure(hash_seed_invariant, module.ordered_by_hash)
    assert "PYTHONHASHSEED=0 -> 1" in said
    assert "order of a set" in said


def test_hash_seed_invariant_does_not_blame_the_hash_seed_for_noise(module):
    assert "with one hash seed" in failure(hash_seed_invariant, module.unseeded)


def test_hash_seed_invariant_refuses_what_a_fresh_process_cannot_call(module):
    def closure():
        return 1

    assert "inside another function" in misuse(hash_seed_invariant, closure, code="RPK076")
    assert "lambda" in misuse(hash_seed_invariant, lambda: 1, code="RPK076")
    assert "lambda" in misuse(hash_seed_invariant, module.wrapped, code="RPK076")
    from functools import partial

    assert "partial" in misuse(hash_seed_invariant, partial(module.draws), code="RPK076")
    main = type(closure)(module.draws.__code__, {"__name__": "__main__"})
    assert "__main__" in misuse(hash_seed_invariant, main, code="RPK076")


@pytest.mark.parametrize(
    ("name", "said"), [("fails", "a planted failure"), ("exits", "status 7"), ("nothing", "returns nothing")]
)
def test_hash_seed_invariant_shows_what_the_fresh_process_said(module, name, said):
    assert said in misuse(hash_seed_invariant, getattr(module, name), code="RPK076")


def test_hash_seed_invariant_ends_what_hangs(module):
    assert "within 1 s" in misuse(hash_seed_invariant, module.hangs, (0, 1), timeout=1, code="RPK076")


def test_hash_seed_invariant_refuses_seeds_that_vary_nothing(module):
    misuse(hash_seed_invariant, module.draws, (1, 1))
    misuse(hash_seed_invariant, module.draws, (0, 2**32))


@pytest.fixture
def files(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.txt").write_text(name)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.txt").write_text("d")
    return tmp_path


LISTINGS = {
    "listdir": lambda path: os.listdir(path),
    "scandir": lambda path: [entry.name for entry in os.scandir(path)],
    "glob": lambda path: __import__("glob").glob(f"{path}/**/*.txt", recursive=True),
    "iterdir": lambda path: [p.name for p in Path(path).iterdir()],
    "rglob": lambda path: [p.name for p in Path(path).rglob("*.txt")],
    "walk": lambda path: [name for _, _, names in os.walk(path) for name in names],
    "bytes": lambda path: os.listdir(os.fsencode(path)),
}


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS.keys())
def test_the_order_of_files_is_found_and_the_place_named(files, listing):
    before = os.listdir, os.scandir
    said = failure(order_of_files_invariant, lambda: listing(files), files)
    assert "sorted -> reversed" in said
    assert f"{Path(__file__).name}:" in said
    order_of_files_invariant(lambda: sorted(listing(files)), files)
    assert before == (os.listdir, os.scandir)


def test_a_function_that_lists_nothing_is_no_pass(files):
    assert "lists nothing" in misuse(order_of_files_invariant, lambda: 1, files)
    assert "lists nothing" in misuse(order_of_files_invariant, lambda: len(os.listdir("/")), files)
    assert "one entry" in misuse(order_of_files_invariant, lambda: os.listdir(files / "sub"), files)


def test_noise_is_not_blamed_on_the_order_of_files(files):
    noise = iter([1, 1, 1, 2])
    said = failure(order_of_files_invariant, lambda: [len(os.listdir(files)), next(noise)], files)
    assert "twice with one order" in said
