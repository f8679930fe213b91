"""Builds the wheel, looks at what is in it, and installs it alone to see that the adapter needs nothing of the fake."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

ALLOWED = ("dbt/adapters/fabricspark/", "dbt/include/fabricspark/", "fakelivy/", "chaos/", "dbt_fabricspark-")
REQUIRED = (
    "dbt/adapters/fabricspark/__init__.py",
    "dbt/adapters/fabricspark/py.typed",
    "dbt/include/fabricspark/dbt_project.yml",
    "dbt/include/fabricspark/macros/comments.sql",
    "dbt/include/fabricspark/macros/materializations/seed.sql",
    "dbt/include/fabricspark/profile_template.yml",
    "fakelivy/py.typed",
    "chaos/processes/scenarios/nightly/nothing_goes_wrong.yml",
    "chaos/projects/ledger/dbt_project.yml",
    "chaos/py.typed",
    "chaos/templates/report.html",
)
ALONE = """
import importlib.util
import sys

from dbt.adapters.fabricspark import Plugin

assert Plugin.credentials.__name__ == "FabricSparkCredentials"
for package in ("werkzeug", "pysail", "pyspark", "pyarrow"):
    assert importlib.util.find_spec(package) is None, f"the adapter alone installs {package}"
assert not [name for name in sys.modules if name.split(".")[0] in ("fakelivy", "chaos")]
print("the adapter works alone")
"""


def run(*command: str | Path) -> None:
    print("+", *command, flush=True)
    subprocess.run([str(part) for part in command], check=True, cwd=ROOT)


ANSWERS = ("1", *["01234567-89ab-cdef-0123-456789abcdef"] * 2, "bronze", "1", "", "", "")
"""To what ``dbt init`` asks: Fabric, workspace, lakehouse, its name, Azure CLI, and three defaults."""


def check_init(dbt: Path, folder: Path) -> None:
    """``dbt init`` offers the adapter and writes a profile."""
    for number in ("1", "2"):  # in the order of the file system
        init = [str(dbt), "init", f"fresh_{number}", "--profiles-dir", str(folder)]
        answers = "\n".join((number, *ANSWERS, ""))
        subprocess.run(init, cwd=folder, input=answers, capture_output=True, text=True, check=False, timeout=120)
        if (folder / "profiles.yml").exists():
            break
    written = (folder / "profiles.yml").read_text(encoding="utf-8")
    assert "type: fabricspark" in written, written
    assert "lakehouse: bronze" in written, written
    print("dbt init writes a profile")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)
        (wheel,) = Path(folder).glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        strange = [name for name in names if not name.startswith(ALLOWED) or name.endswith((".pyc", ".sqlite"))]
        missing = [name for name in REQUIRED if name not in names]
        assert not strange, f"in the wheel, but should not be: {strange}"
        assert not missing, f"not in the wheel, but should be: {missing}"
        print(f"{wheel.name}: {len(names)} files, as they should be")
        alone = Path(folder) / "alone"
        run(sys.executable, "-m", "venv", alone)
        run(alone / "bin" / "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel)
        run(alone / "bin" / "python", "-W", "error::ImportWarning", "-c", ALONE)
        check_init(alone / "bin" / "dbt", Path(folder))
        serve = [str(alone / "bin" / "fakelivy"), "serve", "--port", "0"]
        refused = subprocess.run(serve, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
        assert refused.returncode == 1, refused
        assert "pip install 'dbt-fabricspark[fakelivy]'" in refused.stderr, refused.stderr
        print(f"the server without its parts says: {refused.stderr.strip()}")


if __name__ == "__main__":
    main()
