import pytest

from reprokit.bundle.names import check_name, colliding_name, escape_name, name_bytes, unescape_name

SAFE = [
    "a",
    "code/train.py",
    "data/.hidden",
    "..data/x",
    "a..b/c",
    "données/Zürich.csv",
    "data/\udcff\udcfe",
    "out\\model.pt",
    "new\nline",
    "x" * 255,
    "/".join(["d"] * 128),
]
UNSAFE = [
    "",
    "/",
    "/etc/passwd",
    "..",
    ".",
    "../x",
    "a/../b",
    "a/..",
    "a//b",
    "a/",
    "./a",
    "a/./b",
    "a\0b",
    "C:/x",
    "c:x",
    "\\server\\share",
    "a\\..\\..\\b",
    "..\\x",
    "a\\",
    "x" * 256,
    "/".join(["d" * 200] * 21),
    "/".join(["d"] * 129),
    "\ud800",
    "\udcc3\udca9",
]


@pytest.mark.parametrize("name", SAFE)
def test_safe_names_pass(name):
    check_name(name)


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_names_are_refused(name):
    with pytest.raises(ValueError):
        check_name(name)


def test_a_long_name_is_not_printed_in_full():
    with pytest.raises(ValueError) as caught:
        check_name("/" + "x" * 10_000)
    assert len(str(caught.value)) < 200


def test_escaping_leaves_ordinary_names_alone():
    assert escape_name("données/a b.csv") == "données/a b.csv"


@pytest.mark.parametrize(("name", "text"), [("\udcff", "\\xff"), ("a\\b", "a\\x5cb"), ("\\xff", "\\x5cxff")])
def test_escaping_is_reversible(name, text):
    assert escape_name(name) == text
    assert unescape_name(text) == name


@pytest.mark.parametrize("text", ["a\\b", "\\xc3\\xa9", "\\x41", "\\xFF", chr(0xD800), chr(0xDCFF)])
def test_only_escaped_names_are_unescaped(text):
    with pytest.raises(ValueError):
        unescape_name(text)


def test_names_are_bytes_whatever_the_locale():
    assert name_bytes("é\udcff") == b"\xc3\xa9\xff"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a", "b"], None),
        (["a", "a"], "a"),
        (["a", "a.b", "a/b"], "a"),
        (["x/y/z", "x/y"], "x/y"),
        (["manifest.json"], "manifest.json"),
        (["manifest.json/x"], "manifest.json"),
        (["x/manifest.json"], None),
    ],
)
def test_collisions_are_found(names, found):
    assert colliding_name(names) == found
