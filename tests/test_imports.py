"""What the code may load, and when; what no file may do; how long a file may be."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import aisle

ROOT = Path(aisle.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
HEAVY = {"numpy", "scipy", "sklearn", "onnx", "onnxruntime", "PIL", "torch", "pandas", "pyarrow", "cv2", "gensim"}
WEB = {"fastapi", "starlette", "pydantic", "uvicorn", "multipart", "prometheus_client", "h11"}
DATABASES = {"sqlalchemy", "alembic", "psycopg"}
OPTIONAL = (
    {"torch", "pandas", "pyarrow", "transformers", "cv2", "gensim", "simplemma", "jinja2", "ray", "faiss", "fsspec"}
    | WEB
    | DATABASES
)
"""What only an extra brings; `aisle.extras.require` loads it, inside a function."""

GIVEN = {"finetune": {"torch"}, "store": DATABASES, "review": DATABASES, "serve": WEB | DATABASES | {"jinja2"}}
"""What a room cannot do without: whoever opens it has asked for the extra."""

UNSAFE = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def loaded(code, *watched):
    """Return which of the watched modules a fresh interpreter has loaded after running some code."""
    script = f"{code}\nimport sys\nprint(*sorted({set(watched)!r} & sys.modules.keys()), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return done.stderr.split()


def test_importing_the_package_loads_nothing_heavy():
    assert loaded("import aisle; dir(aisle)", *HEAVY, "typer", "tqdm") == []


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        *([name, "--help"] for name in ("check", "study", "models", "finetune", "batch", "serve", "keys", "demo")),
    ],
)
def test_help_loads_nothing_heavy(words):
    code = (
        f"import sys; sys.argv = ['aisle', *{words!r}]\nfrom aisle.cli.app import main\n"
        "try: main()\nexcept SystemExit as stop: assert not stop.code"
    )
    known = WEB - {"pydantic"}  # Typer's own
    assert loaded(code, *HEAVY, *known, *DATABASES, "tqdm", "huggingface_hub", "rich") == []


def test_reading_a_catalogue_needs_no_data_frames_and_no_networks():
    assert loaded("import aisle.catalog", *HEAVY) == []
    # scikit-learn loads pandas itself where it is installed; that nothing here asks for it is tested below.
    code = "import aisle.catalog.inspection, aisle.catalog.sample, aisle.encode, aisle.cli.check_report"
    assert loaded(code, "torch", "transformers", "cv2", "gensim") == []


def test_every_public_name_is_there():
    for name in aisle.__all__:
        assert getattr(aisle, name).__module__.startswith("aisle.")
    with pytest.raises(AttributeError, match="no attribute 'Aile'"):
        aisle.Aile  # noqa: B018


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node, node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_keeps_the_rules(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 400
    for node, name in imports(tree):
        place = f"{path}:{node.lineno}"
        assert name.partition(".")[0] not in UNSAFE, f"{place} imports {name}"
        given = GIVEN.get(path.relative_to(ROOT).parts[0], set())
        assert name.partition(".")[0] in given or name.partition(".")[0] not in OPTIONAL or node.col_offset > 0, (
            f"{place} imports {name}"
        )
        inner = path != ROOT / "__init__.py" and not path.is_relative_to(ROOT / "cli")
        assert not (inner and name == "aisle"), f"{place} imports the root"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "__import__"}, f"{path}:{node.lineno}"
            assert node.func.id != "print" or path.is_relative_to(ROOT / "cli"), f"{path}:{node.lineno} prints"
        if isinstance(node, ast.keyword) and node.arg in {"shell", "allow_pickle"}:
            assert isinstance(node.value, ast.Constant), f"{path}:{node.value.lineno}"
            assert not node.value.value, f"{path}:{node.value.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "torch":
            assert node.attr != "load", f"{path}:{node.lineno}"


def test_only_the_outermost_layers_read_the_environment():
    readers = [
        str(path.relative_to(ROOT))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert {path for path in readers if not path.startswith("cli/")} == {"settings.py"}


def test_the_command_is_the_one_that_is_installed():
    import tomllib

    project = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"aisle": "aisle.cli.app:main"}
    assert project["version"] == aisle.__version__
