"""Documents that no honest program writes: too large, asking for the network, cut, or with values of other kinds."""

import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.request

import pytest

from reprokit.errors import CorruptBundleError, ReprokitError, UsageError
from reprokit.lineage.standards import croissant, cyclonedx, openlineage, ro_crate, slsa, standard
from reprokit.lineage.standards.files import LARGEST, read_text, text_of, value_of, write_text
from reprokit.lineage.standards.naming import decoded, encoded, milliseconds, moment, stamp, uri_of


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "big.json").open("wb") as file:
        file.truncate(LARGEST + 1)  # sparse
    for module in (croissant, cyclonedx, openlineage, ro_crate, slsa):
        with pytest.raises(CorruptBundleError) as caught:
            module.read(str(tmp_path / "big.json"))
        assert caught.value.code == "RPK167"


def test_bytes_that_are_no_text_are_corrupt(tmp_path):
    (tmp_path / "x.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(CorruptBundleError):
        read_text(tmp_path / "x.json", "a document")


def test_a_directory_is_no_document(tmp_path):
    with pytest.raises(UsageError):
        cyclonedx.read(str(tmp_path))


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        write_text(tmp_path / "file" / "below", "x")
    assert caught.value.code == "RPK166"


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _handle: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(UsageError):
        write_text(tmp_path / "x", "text")
    assert list(tmp_path.iterdir()) == []


LIBRARIES = ("prov", "rdflib", "openlineage", "mlflow", "huggingface_hub", "mlcroissant", "rocrate", "cyclonedx",
             "wandb", "dvc", "tensorboard", "tensorboardX", "tensorflow", "google", "ml_metadata")  # fmt: skip
WITHOUT = """
import os, sys
sys.modules.update(dict.fromkeys({libraries!r}))
from reprokit.errors import ReprokitError
from reprokit.lineage.standards import names, standard
from reprokit.schema.lineage import Lineage
for name in names():
    one, place = standard(name), name + {{"prov": ".trig"}}.get(name, ".x")
    for what in ("write", "read"):
        try:
            if what == "read":
                if not os.path.exists(place): open(place, "w").close()
                one.read(place)
            elif hasattr(one, "write"):
                one.write(Lineage(), place)
        except ReprokitError as error:
            print(name, what, error.code)
"""


def test_where_no_library_is_installed_each_standard_works_or_names_its_extra(tmp_path):
    script = WITHOUT.format(libraries=LIBRARIES)
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    missing = {line.rpartition(" ")[0] for line in said if line.endswith(" RPK168")}
    assert missing == {"hf-card write", "hf-card read", "mlflow write", "mlflow read", "openlineage write",
                       "prov write", "prov read"}  # fmt: skip


def test_a_library_that_logs_a_traceback_is_kept_quiet(tmp_path):
    """The console sees reprokit's own words alone, of a document that is refused as of one that is read."""
    pytest.importorskip("prov.model", reason="needs the extra `prov`")
    node = '{"$": "\\ud800", "type": "xsd:int"}'
    (tmp_path / "graph.json").write_text(
        f'{{"prefix": {{"x": "a b<"}}, "entity": {{"x:y": {{"prov:value": {node}}}}}}}'
    )
    (tmp_path / "graph.trig").write_text(
        '@prefix x: <http://x y/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .'
        ' x:a <http://www.w3.org/ns/prov#value> "a"^^xsd:int .'
    )  # fmt: skip
    for name in ("graph.json", "graph.trig"):
        line = [sys.executable, "-m", "reprokit", "lineage", "import", "--from", "prov", str(tmp_path / name)]
        done = subprocess.run(
            line, env={**os.environ, "REPROKIT_HOME": str(tmp_path)}, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr
        assert "rdflib" not in done.stderr
        assert "valid URI" not in done.stderr
        assert done.returncode in {0, 4}


class Asked(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
    yield server
    server.shutdown()
    server.server_close()


def test_no_document_makes_reprokit_ask_the_network(web, tmp_path):
    """Contexts and addresses in a document are names; nothing is fetched from them."""
    pytest.importorskip("prov.model", reason="needs the extra `prov`")
    url = f"http://127.0.0.1:{web.server_port}/context.jsonld"
    document = {
        "@context": url,
        "@graph": [{"@id": url, "@type": "Entity"}],
        "@type": "Dataset",
        "name": "x",
        "url": url,
    }
    documents = {
        "graph.jsonld": json.dumps(document),
        "other.jsonld": json.dumps({**document, "@context": [{"@import": url, "prov": url}, url]}),
        "graph.trig": f"@prefix x: <{url}#> .\n<{url}> a x:y .",
        "graph.json": json.dumps({"prefix": {"x": url}, "entity": {"x:y": {}}}),
    }
    for name, text in documents.items():
        (tmp_path / name).write_text(text)
        for module in (standard("prov"), croissant, ro_crate):
            try:
                module.read(str(tmp_path / name))
            except ReprokitError as error:
                assert error.exit_status in {2, 4}  # noqa: PT017 - either is fine, what counts is below
    assert web.asked == []
    urllib.request.urlopen(url).close()  # the control: a request is noticed
    assert web.asked == ["/context.jsonld"]


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (cyclonedx, {"bomFormat": "CycloneDX", "components": [3]}),
        (cyclonedx, {"bomFormat": "CycloneDX", "components": [{"type": "file", "name": "x", "properties": {}}, 1]}),
        (cyclonedx, {"bomFormat": "CycloneDX", "formulation": [{"workflows": [{"properties": [
            {"name": "reprokit:id", "value": '"r"'}, {"name": "reprokit:event", "value": '["a", "ATE", [], 0]'}]}]}]}),
        (slsa, {"_type": slsa.STATEMENT, "predicateType": slsa.PREDICATE, "subject": [], "predicate": {}}),
        (slsa, {"_type": slsa.STATEMENT, "predicateType": slsa.PREDICATE, "subject": [{}],
                "predicate": {"buildDefinition": {}, "runDetails": {"builder": {"id": "b"}}}}),
        (croissant, {"@type": "sc:Dataset", "additionalProperty": [{"name": "reprokit:artifact", "value": "{"}]}),
        (croissant, {"@type": "sc:Dataset", "distribution": [{}]}),
        (ro_crate, {"@graph": [{"@id": "ro-crate-metadata.json"}, {"@id": "x", "@type": "File", "dateCreated": "?"}]}),
        (openlineage, {"run": {"runId": "x"}, "job": {}, "eventTime": "2024-01-01T00:00:00Z"}),
        (openlineage, {"eventTime": "2024-01-01T00:00:00Z", "dataset": {"namespace": "a", "name": "b", "facets": {
            "reprokit_artifact": {"id": "x", "node": {"id": "x"}}}}}),
    ],
)  # fmt: skip
def test_values_of_other_kinds_are_corrupt(module, text, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(text))
    with pytest.raises(CorruptBundleError) as caught:
        module.read(str(tmp_path / "x.json"))
    assert caught.value.code == "RPK167"
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("place", "uri"),
    [
        ("s3://bucket/key with space", "s3://bucket/key%20with%20space"),
        ("git@example.org:team/repo.git", "https://example.org/team/repo.git"),
        ("/data/100%/a#b?c", "file:///data/100%25/a%23b%3Fc"),
        ("relative/[x]", "file:relative/%5Bx%5D"),
        ("https://example.org/%41?q=1#top", "https://example.org/%41?q=1#top"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("C:\\data", "C:%5Cdata"),
    ],
)
def test_places_become_uris(place, uri):
    assert uri_of(place) == uri


@pytest.mark.parametrize("text", ["", "a", "_", "_5F", "é", "-x", "9", "a b", "\u202e", "sha256:ab"])
def test_names_come_back(text):
    assert decoded(encoded(text)) == text


def test_times_that_a_date_cannot_say():
    assert moment(0) is moment(2**53) is None
    assert stamp(2**53) == "1970-01-01T00:00:00.000Z"
    assert milliseconds("1960-01-01T00:00:00Z") == 0
    assert milliseconds("2024-01-01") == 1_704_067_200_000


@pytest.mark.parametrize("value", [True, 1, 1.5, "1", "true", "", "é"])
def test_values_keep_their_type_as_texts(value):
    assert value_of(text_of(value)) == value
    assert type(value_of(text_of(value))) is type(value)


@pytest.mark.parametrize("text", ["{", "null", "[1]", "plain"])
def test_a_text_that_is_no_value_stays(text):
    assert value_of(text) == text
