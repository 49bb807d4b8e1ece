import re
import time

import pytest

from reprokit.capture.secret_formats import strip_url_credentials
from reprokit.capture.secrets import Scrubber, scrub, scrub_arguments, scrub_bytes, secret_value

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK==\n-----END RSA PRIVATE KEY-----"
# Made up, in pieces, so that no scanner takes this file for a leak.
FORMATS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "gho_" + "a1B2" * 9,
    "github_pat_" + "11ABCDEFG0" * 4,
    "hf_" + "AbCdEfGhIjKlMnOpQrStUvWx",
    "sk-" + "proj-abc123DEF456ghi789",
    "sk-" + "ant-api03-abcdef0123456789",
    "xox" + "b-123456789012-abcdefGHIJKL",
    "glpat-" + "abcdefghij0123456789",
    "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "pypi-" + "AgEIcHlwaS5vcmcCJDU3" * 3,
    "npm_" + "a1B2" * 9,
    "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r",
    "SG." + "abcdefghij0123456789." + "abcdefghij0123456789",
    "dapi" + "0123456789abcdef" * 2,
    "https://user:hunter2@example.org/x",
    "postgresql+psycopg://u:p%40ss@db/x",
    "redis://:hunter2@cache:6379",
    "https://" + "0123token@github.com/x.git",
    "https:\\/\\/user:hunter2@example.org",
    "Bearer abcdef0123456789abcdef",
    PEM,
    PEM.replace("\n", "\\n"),
]


@pytest.mark.parametrize("value", FORMATS)
def test_known_formats(value):
    assert secret_value(value)
    text, count = scrub(f"before {value} after")
    assert count == 1
    assert text.startswith("before ")
    assert text.endswith(" after")
    for part in ("hunter2", "MIIEow", "0123456789", "a1B2", "p%40ss", "IOSFODNN7", "AgEIcH", "eyJzdWIi", "0123token"):
        assert part not in text


@pytest.mark.parametrize(
    "value",
    [
        "",
        "4",
        "true",
        "sha256:" + "ab" * 32,
        "2d885e6f" * 5,
        "hf_transformers_cache_directory",
        "sk-learn-contrib-packages",
        "https://example.org/a@b",
        "git@github.com:a/b.git",
        "ssh://git@github.com/a",
        "risk-averse-investor-profile-2024",
        "task-0123456789abcdef01234",
        "me@example.org",
    ],
)
def test_harmless_values(value):
    assert not secret_value(value)
    assert scrub(value) == (value, 0)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("TOKEN=abc", "TOKEN=[redacted]"),
        ("export HF_TOKEN='a b' # x", "export HF_TOKEN='[redacted]' # x"),
        ('"password": "x"', '"password": "[redacted]"'),
        ('{"token": "abc", "lr": 1}', '{"token": "[redacted]", "lr": 1}'),
        ("{'api_key': 'x', 'n': 1}", "{'api_key': '[redacted]', 'n': 1}"),
        ("--api-key abc --lr 1", "--api-key [redacted] --lr 1"),
        ("--token=abc", "--token=[redacted]"),
        ("password: hunter2", "password: [redacted]"),
        ("password=12345", "password=[redacted]"),
        ("PASSWORD=a,b;c&d", "PASSWORD=[redacted]"),
        ("PASSWORD=a)b\"c'd", "PASSWORD=[redacted]"),
        ('password="a\\"b" c', 'password="[redacted]" c'),
        ('password="""a""" c', 'password="""[redacted]""" c'),
        ('password="cut off', 'password="[redacted]'),
        ("f(token=abc, user=x)", "f(token=[redacted], user=x)"),
        ("?token=abc&user=x", "?token=[redacted]&user=x"),
        ("https://h/o?X-Amz-Signature=abc&x=1", "https://h/o?X-Amz-Signature=[redacted]&x=1"),
        ('os.environ["HF_TOKEN"] = "abc"', 'os.environ["HF_TOKEN"] = "[redacted]"'),
        ('token: str | None = "abc"', 'token: str | None = "[redacted]"'),
        ('+    api_key = f"abc"', '+    api_key = f"[redacted]"'),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: [redacted]"),
        ("Cookie: a=b; c=d", "Cookie: [redacted]"),
        ('"{\\"secret\\": \\"a b\\", \\"n\\": 1}"', '"{\\"secret\\": \\"[redacted]\\", \\"n\\": 1}"'),
        ("wandb.api_key=abc", "wandb.api_key=[redacted]"),
        ("api_key: abc\nlr: 1", "api_key: [redacted]\nlr: 1"),
        ("DB_KEY=abc", "DB_KEY=[redacted]"),
        ("PASSWORD={hunter2s", "PASSWORD=[redacted]"),
        ('password="{Hunter2}s"', 'password="[redacted]"'),
        ("PASSWORD=$ecret", "PASSWORD=[redacted]"),
        ("key: abcd1234efgh", "key: [redacted]"),
        ('"api_keys": ["x", "y"], "n": 1', '"api_keys": [redacted], "n": 1'),
        ("passwords = ['x', 'y']", "passwords = [redacted]"),
    ],
)
def test_structure_stays(text, clean):
    assert scrub(text) == (clean, 1)
    assert scrub(clean) == (clean, 0)


@pytest.mark.parametrize(
    "text",
    [
        "sorted(rows, key=lambda row: row[0])",
        "key = jax.random.PRNGKey(0)",
        "key, subkey = jax.random.split(key)",
        "for key, value in items.items():",
        "token = tokenizer.encode(text)",
        "self.token = token",
        "login(token=args.hf_token)",
        'token = os.environ["HF_TOKEN"]',
        "TOKEN=$HF_TOKEN",
        "TOKEN=${HF_TOKEN} TOKEN=$(cat file) token={token} token=%s token='<your token>'",
        'url = f"https://{host}/?token={token}"',
        'tokenizer.add_special_tokens({"pad_token": "<pad>"})',
        "def f(token: str, key: bytes) -> None:",
        "if token == 'x':",
        "tokens per iteration will be: 16,384",
        "step 10 | tokens: 163840 | loss 3.44",
        "next token: the",
        "max_tokens=512, num_tokens=9",
        "use_auth_token=True, private=False, token=None",
        '"key": "loss"',
        "token_count=5 key=3",
        "password=None",
        "--token --lr 1",
        "the secret of good training",
        'token_pattern=r"(?u)[a-z]+"',
        "query, key = (x.transpose(1, 0) for x in (query, key))",
        "token_ids = [1, 2, 3]",
    ],
)
def test_code_and_logs_stay(text):
    assert scrub(text) == (text, 0)


def test_a_key_block_cut_short_goes_as_far_as_it_may_reach():
    text, count = scrub("x\n-----BEGIN PRIVATE KEY-----\nMIIE\nabcd\n")
    assert (text, count) == ("x\n[redacted]", 1)
    mention = 'if "-----BEGIN PRIVATE KEY-----" in text:'
    assert scrub(mention) == (mention, 0)


@pytest.mark.parametrize(
    ("argv", "clean", "changed"),
    [
        (["--token", "abc"], ["--token", "[redacted]"], [1]),
        (["--token=abc"], ["--token=[redacted]"], [0]),
        (["--api_key", "abc", "--lr", "1"], ["--api_key", "[redacted]", "--lr", "1"], [1]),
        (["auth.token=x", "+a.api_key=x"], ["auth.token=[redacted]", "+a.api_key=[redacted]"], [0, 1]),
        (["TOKEN=a b c"], ["TOKEN=[redacted]"], [0]),
        (["--password", "-starts-with-dash"], ["--password", "[redacted]"], [1]),
        (["--url", "https://a:b@c/d"], ["--url", "https://[redacted]@c/d"], [1]),
        (["-H", "Authorization: Bearer abc"], ["-H", "Authorization: [redacted]"], [1]),
        (["-p", "8080", "-c", "print(1)"], ["-p", "8080", "-c", "print(1)"], []),
        (["--use-auth-token", "True", "--max-tokens", "5"], ["--use-auth-token", "True", "--max-tokens", "5"], []),
        (["--use-auth-token", "--lr", "1"], ["--use-auth-token", "--lr", "1"], []),
        (["--password", "123"], ["--password", "[redacted]"], [1]),
        (["--key", "loss", "--sort-key", "abcd1234"], ["--key", "loss", "--sort-key", "abcd1234"], []),
        (["--private-key", PEM], ["--private-key", "[redacted]"], [1]),
        (["hf_" + "a" * 24 + "_token=x"], ["[redacted]_token=[redacted]"], [0]),
        (["python", "train.py"], ["python", "train.py"], []),
        ([], [], []),
    ],
)
def test_arguments(argv, clean, changed):
    assert scrub_arguments(argv) == (clean, changed)
    assert scrub_arguments(clean) == (clean, [])


def test_bytes_that_are_no_text_stay():
    data = bytes(range(256)) + b" TOKEN=abc\r\n\xff\xfe"
    assert scrub_bytes(data) == (bytes(range(256)) + b" TOKEN=[redacted]\r\n\xff\xfe", 1)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_log_is_scrubbed_while_it_grows(size):
    log = (f"start\nTOKEN=abc\n{PEM}\npassword: hunter2\nend").encode()
    scrubber = Scrubber()
    out = b"".join(scrubber.feed(log[at : at + size]) for at in range(0, len(log), size)) + scrubber.close()
    assert out == b"start\nTOKEN=[redacted]\n[redacted]\npassword: [redacted]\nend"
    assert scrubber.count == 3


def test_a_log_passes_through_before_it_ends():
    scrubber = Scrubber()
    assert scrubber.feed(b"one\ntw") == b"one\n"
    assert scrubber.feed(b"-----BEGIN CERTIFICATE-----\nabc\n") == b"tw-----BEGIN CERTIFICATE-----\nabc\n"
    assert scrubber.close() == b""


def test_a_log_without_line_ends_needs_bounded_memory():
    scrubber = Scrubber()
    passed = sum(len(scrubber.feed(b"progress 50% \r" * 10_000)) for _ in range(40))
    assert passed > 4_000_000
    assert len(scrubber._held) < 2_000_000


HOSTILE = [
    *("a", "a.", "sk-", "hf_", "ghp_", "-eyJaaaaaaaa", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----!", "Bearer "),
    *('token="a"', "token=a&", "TOKEN=a,", '\\"token\\": \\"', "a://", "a://b:c", '"', "key:", "--token ", "token "),
    *(
        'token="\\',
        "token: Optional[",
        'token="""',
        "cookie: ",
        "token=a(",
        "pwd=$",
        "password=a)",
        "=",
        ":",
        " ",
        "\t",
    ),
    *(
        "SG.aaaaaaaaaaaaaaaa",
        "-----BEGIN PRIVATE KEY-----a",
        "secret\\",
        "token= ",
        "AuthAuth",
        "https://a",
        "api_keys=[",
    ),
]


def _spent(text):
    begin = time.thread_time()  # of this thread alone: other tests left some of theirs
    scrub(text)
    return time.thread_time() - begin


def _linear(spent, text, enough):
    """Whether a text was scrubbed in ``enough`` seconds, or, on a slow machine, four times as long as its quarter."""
    return spent < enough or spent < 8 * _spent(text[: len(text) // 4])


@pytest.mark.parametrize("unit", HOSTILE)
def test_time_is_linear_in_hostile_lines(unit):
    text = (unit * (250_000 // len(unit) + 1))[:250_000]
    # A quadratic pattern takes minutes here, and sixteen times as long as for a quarter; linear ones take 0.1 to 1 s.
    assert _linear(_spent(text), text, enough=2.0)


def test_a_pattern_that_is_not_linear_is_noticed(monkeypatch):
    """The control."""
    monkeypatch.setitem(globals(), "scrub", lambda text: re.findall("a+b", text))
    text = "a" * 20_000
    assert not _linear(_spent(text), text, enough=0.0)


def test_a_megabyte_line_of_secrets():
    text = "token=a&" * 131_072
    begin = time.thread_time()
    clean, count = scrub(text)
    assert _linear(time.thread_time() - begin, text, enough=8.0)
    assert count == 131_072
    assert clean == "token=[redacted]&" * 131_072


def test_url_credentials():
    assert strip_url_credentials("https://a:b@c and ssh://git@d") == ("https://[redacted]@c and ssh://git@d", 1)
    assert strip_url_credentials("ssh://me:pw@host/x") == ("ssh://[redacted]@host/x", 1)
