"""How a relation is written: two, three or four parts, quoted or not."""

from __future__ import annotations

from typing import Any

import pytest
from dbt.adapters.fabricspark.naming import Naming
from dbt.adapters.fabricspark.relation import FabricSparkRelation

HOME: dict[str, Any] = {"database": "Home", "schema": "s", "identifier": "t"}
OTHER: dict[str, Any] = {"database": "ws.other", "schema": "s", "identifier": "t"}


@pytest.mark.parametrize(
    ("naming", "parts", "name"),
    [
        (Naming("home"), HOME, "s.t"),
        (Naming("home", schemas=False), HOME, "s.t"),
        (Naming("home", schemas=True), HOME, "Home.s.t"),
        (Naming("home", schemas=True), {"schema": "s", "identifier": "t"}, "s.t"),
        (Naming("home", schemas=False), OTHER, "`ws`.other.s.t"),
        (Naming("home", quoted=True, schemas=True), HOME, "`Home`.`s`.`t`"),
        (Naming("home", quoted=True), {"schema": "s", "identifier": "a`b"}, "`s`.`a``b`"),
        (Naming("a b.home", schemas=True), {**HOME, "database": "a b.home"}, "`a b`.home.s.t"),
        (Naming("home", schemas=True), {"identifier": "t"}, "t"),
        (Naming("home", schemas=True), {"database": "home", "identifier": "t"}, "t"),
    ],
)
def test_a_relation_is_written_as_its_lakehouse_wants(naming: Naming, parts: dict[str, Any], name: str) -> None:
    assert FabricSparkRelation.named_by(naming).create(**parts).render() == name


def test_names_are_told_apart_but_not_by_their_case() -> None:
    relation = FabricSparkRelation.named_by(Naming("home", schemas=True)).create(**HOME)
    assert relation.matches(database="HOME", schema="S", identifier="T")
    assert not relation.matches(database="other", schema="s", identifier="t")


def test_a_database_alone_is_the_same_for_all_its_schemas() -> None:
    made = FabricSparkRelation.named_by(Naming("home", schemas=True))
    alone = [made.create(**{**OTHER, "schema": s}).include(database=True, schema=False, identifier=False) for s in "ab"]
    assert len(set(alone)) == 1
    assert str(alone[0]) == "`ws`.other"


def test_two_targets_in_one_process_are_named_each_in_its_own_way() -> None:
    with_schemas = FabricSparkRelation.named_by(Naming("home", schemas=True)).create(**HOME)
    without = FabricSparkRelation.named_by(Naming("home", schemas=False)).create(**HOME)
    assert [str(with_schemas), str(without)] == ["Home.s.t", "s.t"]
