"""Figures and ``.mat`` files with the time in them: two of the same content are equal, whenever they were written."""

from __future__ import annotations

import re

import pytest

from reprokit.compare.files import compare_files

KINDS = {"svg": "SVG of Matplotlib", "pdf": "PDF of Matplotlib", "eps": "PostScript of Matplotlib"}
_DATES = {
    "svg": (rb"<dc:date>\d{4}", b"<dc:date>1999"),
    "pdf": (rb"\(D:\d{4}", b"(D:1999"),
    "eps": (rb"(?m)\d{4}$(?=\n%%Orientation)", b"1999"),
}


def drawn(path, ending, values=(1, 2, 3), moved=0.0):
    """A figure with markers and a clipped, a hatched and a repeated part; that of `b` is dated into another year."""
    pytest.importorskip("matplotlib", reason="needs Matplotlib")
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.plot(values, marker="o")
    axes.bar([1, 2], [1, 2], hatch="/")
    axes.scatter([1 + moved, 2], [2, 1], s=[10, 20])
    path.mkdir()
    saved = path / f"loss.{ending}"
    figure.savefig(saved)
    pattern, year = _DATES[ending]
    dated, count = re.subn(pattern, year, saved.read_bytes())
    assert count == 1
    if path.name == "b":
        saved.write_bytes(dated)
    return saved


@pytest.mark.slow
@pytest.mark.parametrize("ending", KINDS)
def test_a_figure_drawn_in_another_year_is_equal(tmp_path, ending):
    one, other = drawn(tmp_path / "a", ending), drawn(tmp_path / "b", ending)
    assert one.read_bytes() != other.read_bytes()
    result = compare_files(one, other, f"plots/loss.{ending}")
    assert result.equal, result
    assert result.method.startswith(KINDS[ending])


@pytest.mark.slow
@pytest.mark.parametrize("ending", KINDS)
@pytest.mark.parametrize("change", [{"values": (1, 2, 3.1)}, {"moved": 0.1}])
def test_another_point_is_another_figure(tmp_path, ending, change):
    result = compare_files(drawn(tmp_path / "a", ending), drawn(tmp_path / "b", ending, **change), f"loss.{ending}")
    assert not result.equal
    assert result.method.startswith(KINDS[ending])


SVG = """<?xml version="1.0" encoding="utf-8" standalone="no"?>
<svg version="1.1">
     <dc:date>{date}</dc:date>
      <dc:title>Matplotlib v3.11.2, https://matplotlib.org/</dc:title>
<path id="m{one}"/><path id="m{two}"/>
<use xlink:href="#m{used}"/><text>{text}</text>
</svg>
"""


def written(path, **parts):
    """A figure in which one of two markers is used."""
    parts = {"one": "60cde3ab1f", "two": "57a941657c", "used": "60cde3ab1f", "date": "2026-11-23T17:03:40", **parts}
    path.write_text(SVG.format(**{"text": "", **parts}))
    return path


@pytest.mark.parametrize(
    ("parts", "equal"),
    [
        ({"date": "2027-01-02T03:04:05.678901"}, True),
        ({"one": "0123456789", "used": "0123456789"}, True),
        ({"used": "57a941657c"}, False),  # the other marker
        ({"used": "0123456789"}, False),  # a marker that the file does not hold
        ({"two": "60cde3ab1f"}, False),  # one marker given twice
        ({"date": "2026-11-23T17:03:40 loss 0.1"}, False),
        ({"text": "m60cde3ab1f"}, False),  # a text, and no name
    ],
)
def test_names_that_were_made_up_count_by_what_they_stand_for(tmp_path, parts, equal):
    result = compare_files(written(tmp_path / "a"), written(tmp_path / "b", **parts), "loss.svg")
    assert result.equal is equal
    assert result.same_schema


def test_texts_that_look_like_names_are_texts(tmp_path):
    one = written(tmp_path / "a", text="m60cde3ab1f")
    other = written(tmp_path / "b", text="m60cde3ab1f", one="0123456789", used="0123456789")
    assert compare_files(one, other, "loss.svg").equal
    assert not compare_files(one, written(tmp_path / "b", text="m0123456789"), "loss.svg").equal


def test_svgs_of_others_are_texts(tmp_path):
    for name, date in (("a", "2026"), ("b", "2027")):
        (tmp_path / name).write_text(f"<?xml?>\n<svg><dc:date>{date}-01-01T00:00:00</dc:date></svg>\n")
    result = compare_files(tmp_path / "a", tmp_path / "b", "x.svg")
    assert not result.equal
    assert result.method == "text: 2 lines"


@pytest.mark.parametrize("times", [1, 2])
def test_a_date_that_a_pdf_holds_twice_is_content(tmp_path, times):
    for name, year in (("a", b"2026"), ("b", b"2027")):
        date = b"\n/CreationDate (D:" + year + b"0101000000Z)"
        (tmp_path / name).write_bytes(b"%PDF-1.4\n/Producer (Matplotlib pdf backend v3)" + date * times)
    assert compare_files(tmp_path / "a", tmp_path / "b", "x.pdf").equal is (times == 1)


@pytest.mark.parametrize("title", ["", " of 2027"])
def test_the_date_of_a_postscript_figure_is_one_line(tmp_path, title):
    for name, date, said in (("a", "Mon Jan  5 10:00:00 2026", ""), ("b", "Tue Jan 12 11:00:00 2027", title)):
        lines = (
            "%!PS-Adobe-3.0 EPSF-3.0",
            f"%%Title: loss{said}",
            "%%Creator: Matplotlib v3",
            f"%%CreationDate: {date}",
        )
        (tmp_path / name).write_text("\n".join((*lines, "0 0 m\n")))
    assert compare_files(tmp_path / "a", tmp_path / "b", "x.eps").equal is (not title)


@pytest.mark.parametrize(("change", "equal"), [(1.0, True), (1.0000000000000002, False)])
def test_files_of_matlab(tmp_path, change, equal):
    scipy_io = pytest.importorskip("scipy.io", reason="needs SciPy")
    for name, value in (("a", 1.0), ("b", change)):
        scipy_io.savemat(tmp_path / f"{name}.mat", {"weights": [[value, 2.0]]})
        dated, count = re.subn(rb"(?<=Created on: )\w{3}", b"Mon" if name == "a" else b"Tue",
                               (tmp_path / f"{name}.mat").read_bytes(), count=1)  # fmt: skip
        assert count == 1
        (tmp_path / name).write_bytes(dated)
    result = compare_files(tmp_path / "a", tmp_path / "b", "w.mat")
    assert result.equal is equal
    assert result.method == "MATLAB: 1 value"
    assert result.same_schema
