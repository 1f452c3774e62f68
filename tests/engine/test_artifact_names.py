"""Manifests whose names lead elsewhere or mean two things: each gives the one error; nothing outside is opened."""

import json

import pytest

from .spoilt_engine import FILES, SECRET, listing, manifest, refuse

NAMES = [
    "../secret.json",
    "sub/../../secret.json",
    "./taxonomy.json",
    "sub/./x",
    "sub//x",
    "/etc/passwd",
    "//host/share",
    "..",
    ".",
    "",
    "sub/",
    "..\\secret.json",
    "sub\\x",
    "\\\\host\\share",
    "C:secret.json",
    "C:\\secret.json",
    "x:stream",
    "nul\x00byte",
    "secret.json\x00.md",
    ".hidden",
    "sub/.git",
    "-rf",
    "a b",
    "new\nline",
    "café",
    "\u202egpj.exe",
    "dot.",
    "space ",
    "CON",
    "nul.json",
    "sub/COM1.txt",
    "~/x",
    "$HOME",
    "a/b/c/d/e",
    "n" * 101,
    "/".join(["n" * 60] * 4),
    "manifest.json",
    "Manifest.JSON",
    "manifest.json/x",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere(world, name):
    folder = world / "engine"
    value = json.loads(manifest(FILES))
    value["files"] |= listing({name: SECRET})  # the right hash: of what a careless reader would find
    (folder / "manifest.json").write_bytes(
        (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
    )
    message = refuse(folder, "manifest.json lists")
    assert repr(name[:100]) in message or "cannot be told from" in message or "inside of a file" in message


@pytest.mark.parametrize(
    ("names", "match"),
    [
        (("Taxonomy.json",), "cannot be told from"),
        (("SUB/deep/card.md",), "cannot be told from"),
        (("taxonomy.json/x",), "inside of a file"),
        (("Sub",), "inside of a file"),
    ],
)
def test_names_that_mean_two_things(world, names, match):
    folder = world / "engine"
    (folder / "manifest.json").write_bytes(manifest({**FILES, **dict.fromkeys(names, b"")}))
    refuse(folder, match)
