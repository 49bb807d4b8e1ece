"""Laws of scrubbing: nothing planted survives, nothing harmless changes, doing it twice is doing it once."""

import string

from hypothesis import example, given
from hypothesis import strategies as st

from reprokit.capture.secrets import REDACTED, Scrubber, scrub, scrub_arguments, scrub_bytes

_FRAGMENTS = st.sampled_from(
    [
        *("token", "TOKEN", "password", "api_key", "--token", "key", "Cookie", "Authorization", "secret", "Bearer "),
        *(
            "=",
            ": ",
            ":",
            " = ",
            '"',
            "'",
            '"""',
            "\\",
            '\\"',
            "\\\\\\'",
            "\n",
            " ",
            ",",
            ";",
            "&",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
        ),
        *("<", ">", "$X", "https://", "@", "abc", "abc123def456", "None", "12", "str", "x.y", REDACTED, "-----"),
        *(
            "-----BEGIN PRIVATE KEY-----",
            "-----END PRIVATE KEY-----",
            "hf_" + "a" * 24,
            "ghp_" + "b1" * 18,
            "\xe9",
            "-",
        ),
    ]
)
_TEXTS = st.one_of(st.lists(_FRAGMENTS, max_size=14).map("".join), st.text(max_size=200))
_SECRETS = st.text(string.ascii_letters + string.digits + "!#%*+-./:?@^_~", min_size=12, max_size=40).filter(
    lambda text: any(map(str.isdigit, text)) and any(map(str.isalpha, text)) and text[0].isalpha()
)
_NAMES = st.sampled_from(["HF_TOKEN", "password", "api-key", "aws_secret_access_key", "clientSecret", "DB_PASSWORD"])
_FORMS = st.sampled_from(
    [
        '{name}="{value}"',
        "{name}='{value}'",
        '"{name}": "{value}"',
        "'{name}': '{value}'",
        '{{\\"{name}\\": \\"{value}\\"}}',
        "--{name}={value}",
        "--{name} {value}",
        "{name}: '{value}'",
        'os.environ["{name}"] = "{value}"',
    ]
)
_PLAIN = st.text(string.ascii_letters + string.digits + " .\n", max_size=40).filter(
    lambda text: scrub(text) == (text, 0)
)


@given(_TEXTS)
@example('token="\\')
@example("password=[redacted]x")
def test_scrubbing_twice_is_scrubbing_once(text):
    clean, _ = scrub(text)
    assert scrub(clean) == (clean, 0)


@given(_PLAIN, _NAMES, _FORMS, _SECRETS, _PLAIN)
def test_what_is_planted_does_not_survive(before, name, form, value, after):
    text = f"{before}\n{form.format(name=name, value=value)}\n{after}"
    clean, count = scrub(text)
    assert count >= 1
    assert clean.startswith(before + "\n")
    assert clean.endswith("\n" + after)
    assert value not in clean[len(before) : len(clean) - len(after)]


@given(st.text(string.digits + " .,=:|/\n%<>()[]{}'\"", max_size=300))
def test_without_words_nothing_changes(text):
    assert scrub(text) == (text, 0)


@given(st.binary(max_size=300))
def test_bytes_and_text_agree(data):
    clean, count = scrub_bytes(data)
    text, text_count = scrub(data.decode("latin-1"))
    assert (clean.decode("latin-1"), count) == (text, text_count)


@given(
    st.lists(st.sampled_from([b"TOKEN=abc\n", b"loss 1.5\n", b"password: x y\n", b"\xff\n"]), max_size=20), st.data()
)
def test_a_log_in_pieces_is_the_log_as_a_whole(lines, data):
    log = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=6)))
    scrubber = Scrubber()
    pieces = [log[a:b] for a, b in zip([0, *cuts], [*cuts, len(log)], strict=True)]
    out = b"".join(map(scrubber.feed, pieces)) + scrubber.close()
    assert out == scrub_bytes(log)[0]


@given(st.lists(st.one_of(_TEXTS, st.sampled_from(["--token", "--lr", "-p", "TOKEN=abc", "--key=1"])), max_size=8))
def test_arguments_keep_their_number_and_settle(argv):
    clean, changed = scrub_arguments(argv)
    assert len(clean) == len(argv)
    assert changed == [at for at, (a, b) in enumerate(zip(argv, clean, strict=True)) if a != b]
    assert scrub_arguments(clean) == (clean, [])


@given(_NAMES, _SECRETS)
def test_announced_arguments_go(name, value):
    clean, changed = scrub_arguments(["run", f"--{name}", value, f"--{name}={value}"])
    assert changed == [2, 3]
    assert value not in " ".join(clean)
