"""What others wrote and we carry along: unchanged, with its licence; and no page asks elsewhere."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cds.web.console.static import FOLDER, TYPES

ROOT = Path(__file__).parents[2]
FOLDERS = (FOLDER, ROOT / "tests" / "vendor")
NOTICE = " ".join((ROOT / "NOTICE").read_text(encoding="utf-8").split())
TEMPLATES = FOLDER.parent / "templates"
PACKAGES: list[tuple[Path, dict[str, Any]]] = [
    (folder, package)
    for folder in FOLDERS
    for package in tomllib.loads((folder / "VENDORED.toml").read_text())["package"]
]
FILES = [(folder, item) for folder, package in PACKAGES for item in package["file"]]
FOREIGN = {item["here"] for _, item in FILES}
OWN = sorted(
    path
    for path in (*FOLDER.iterdir(), *TEMPLATES.iterdir())
    if path.suffix in (*TYPES, ".html") and path.name not in FOREIGN
)

# Names of code systems and formats, which nobody fetches.
NAMES = re.compile(
    r"https?://(?:www\.w3\.org/2000/svg|snomed\.info/sct|unitsofmeasure\.org|loinc\.org"
    r"|www\.nlm\.nih\.gov/research/umls/rxnorm|terminology\.hl7\.org/\S+|hl7\.org/fhir/\S+)\b"
)
# What makes a browser ask: an address of a host after a quote, an equal sign or a bracket.
HOST = re.compile(r"""(?:https?:|["'=(]\s*)//[a-z0-9]""", re.IGNORECASE)
INLINE = re.compile(
    r"""<script(?![^>]*(?:\bsrc=|type="application/json"))|<style|\sstyle=|\son[a-z]+=|data:[a-z]+/""",
    re.IGNORECASE,
)


@pytest.mark.parametrize(("folder", "item"), FILES, ids=[item["here"] for _, item in FILES])
def test_a_file_of_others_is_as_its_package_holds_it(folder: Path, item: dict[str, str]) -> None:
    assert hashlib.sha256((folder / item["here"]).read_bytes()).hexdigest() == item["sha256"]


@pytest.mark.parametrize(
    ("folder", "package"), PACKAGES, ids=[package["name"] for _, package in PACKAGES]
)
def test_a_package_of_others_has_its_licence_beside_it_and_is_named(
    folder: Path, package: dict[str, Any]
) -> None:
    licences = [item["here"] for item in package["file"] if item["there"] == "LICENSE"]
    assert len(licences) == 1
    assert (folder / licences[0]).relative_to(ROOT).as_posix() in NOTICE
    assert package["version"] in NOTICE
    assert package["licence"] in NOTICE.replace("Mozilla Public License 2.0", "MPL-2.0")
    assert all(package["version"] in item["here"] for item in package["file"])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_minified_code_is_never_there_without_its_origin(folder: Path) -> None:
    minified = {path.name for path in folder.iterdir() if ".min." in path.name}
    assert minified
    assert minified <= FOREIGN


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_page_style_or_script_names_another_host(path: Path) -> None:
    text = NAMES.sub("", path.read_text(encoding="utf-8"))
    assert HOST.findall(text) == []


@pytest.mark.parametrize("path", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_no_page_has_script_or_style_within(path: Path) -> None:
    assert INLINE.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    ['<script src="//cdn.example/x.js">', "fetch('https://x.example')", "url(//x.example/a.png)"],
)
def test_another_host_would_be_noticed(text: str) -> None:
    assert HOST.search(NAMES.sub("", text))


@pytest.mark.parametrize(
    "text",
    [
        "<script>",
        '<p style="x">',
        '<p onclick="x">',
        '<img src="data:image/png;base64,x">',
        "<style>",
    ],
)
def test_script_within_a_page_would_be_noticed(text: str) -> None:
    assert INLINE.search(text)


@pytest.mark.parametrize(
    "path", [path for path in OWN if path.suffix == ".js"], ids=lambda path: path.name
)
def test_no_script_makes_code_or_html_of_text(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\beval\(|new Function\(|document\.write|outerHTML\s*=", text)
