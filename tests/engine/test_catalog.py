"""The catalog file: shared, persistent, and refused with a clear word when it cannot be used."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from fakelivy.clock import ManualClock
from fakelivy.engine import create_engine
from fakelivy.engine.sail.catalog import Catalog, CatalogConflict, Name, Relation, WarehouseError

T = Name("lh", "dbo", "t")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(tmp_path)
    catalog.create_schema("lh", "dbo")
    return catalog


def test_what_one_catalog_writes_another_reads(catalog: Catalog) -> None:
    other = Catalog(catalog.root)
    view = Relation(T, "view", columns=[{"name": "é"}], text="select 1", body="select 1", comment="it's")
    catalog.put(view)
    assert other.get(T) == replace(view, creator_schema=[], cluster_columns=[])
    assert other.content().epoch == catalog.content().epoch


def test_every_change_moves_the_epoch(catalog: Catalog) -> None:
    before = catalog.content().epoch
    catalog.put(Relation(T, "table", provider="delta"))
    catalog.drop(Relation(T, "table", provider="delta"))
    assert catalog.content().epoch == before + 2


def test_a_new_entry_does_not_overwrite_an_old_one(catalog: Catalog) -> None:
    catalog.put(Relation(T, "view", text="a"))
    with pytest.raises(CatalogConflict):
        catalog.put(Relation(T, "view", text="b"), new=True)
    stored = catalog.get(T)
    assert stored is not None
    assert stored.text == "a"


def test_an_entry_needs_its_schema(catalog: Catalog) -> None:
    with pytest.raises(CatalogConflict):
        catalog.put(Relation(Name("lh", "nope", "t"), "view"))


def test_renaming_moves_the_files_and_a_taken_name_moves_nothing(catalog: Catalog) -> None:
    table = Relation(T, "table", provider="delta")
    catalog.put(table)
    catalog.folder(table).mkdir(parents=True)
    (catalog.folder(table) / "x").write_text("1")
    catalog.put(Relation(T._replace(table="taken"), "table", provider="delta"))
    with pytest.raises(CatalogConflict):
        catalog.rename(table, T._replace(table="taken"))
    assert (catalog.folder(table) / "x").exists()
    catalog.rename(table, T._replace(table="new"))
    moved = catalog.get(T._replace(table="new"))
    assert moved is not None
    assert (catalog.folder(moved) / "x").read_text() == "1"
    assert not catalog.folder(table).exists()


def test_dropping_a_schema_deletes_its_managed_files_only(catalog: Catalog, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    managed = Relation(T, "table", provider="delta")
    external = Relation(T._replace(table="e"), "table", provider="delta", location=str(elsewhere))
    for table in (managed, external):
        catalog.put(table)
        catalog.folder(table).mkdir(parents=True, exist_ok=True)
    catalog.drop_schema("lh", "dbo")
    assert catalog.content().relations == {}
    assert not catalog.folder(managed).exists()
    assert elsewhere.exists()


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a\\b", "x%2Fy", "con:1"])
def test_no_name_leads_out_of_its_schema_folder(catalog: Catalog, name: str) -> None:
    folder = catalog.folder(Relation(T._replace(table=name), "table"))
    assert folder.resolve().parent == catalog.schema_folder("lh", "dbo").resolve()


def make_file(root: Path) -> Path:
    root.write_text("")
    return root


def make_corrupt(root: Path) -> Path:
    root.mkdir()
    (root / "catalog.sqlite").write_bytes(b"this is no database, whatever its name says" * 100)
    return root


def make_newer(root: Path) -> Path:
    Catalog(root)
    with sqlite3.connect(root / "catalog.sqlite") as db:
        db.execute("update meta set value = 99 where key = 'version'")
    db.close()
    return root


def make_foreign(root: Path) -> Path:
    root.mkdir()
    with sqlite3.connect(root / "catalog.sqlite") as db:
        db.execute("create table somebody_elses (i int)")
    db.close()
    return root


def below_a_file(root: Path) -> Path:
    return make_file(root) / "warehouse"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_file, "not a folder"),
        (make_corrupt, "cannot be used"),
        (make_newer, "version 99"),
        (make_foreign, "cannot be used"),
        (below_a_file, "cannot be created"),
    ],
)
def test_an_unusable_warehouse_is_refused_when_the_engine_is_made(tmp_path: Path, make, message: str) -> None:  # type: ignore[no-untyped-def]  # a function from the table above
    root = make(tmp_path / "wh")
    with pytest.raises(WarehouseError, match=message):
        create_engine("sail", warehouse=root, clock=ManualClock())
