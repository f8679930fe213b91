"""Seeds: the table they are compared with, made by Spark's SQL, and views that outlive their table."""

from __future__ import annotations

from typing import Any

import pytest
from dbt.tests.adapter.simple_seed import fixtures as published_fixtures
from dbt.tests.adapter.simple_seed import seeds as published_seeds
from dbt.tests.adapter.simple_seed.test_seed import (
    TestBasicSeedTests,
    TestSeedConfigFullRefreshOff,
    TestSeedConfigFullRefreshOn,
    TestSeedCustomSchema,
    TestSeedParsing,
    TestSeedSpecificFormats,
    TestSeedWithEmptyDelimiter,
    TestSeedWithUniqueDelimiter,
    TestSimpleSeedWithBOM,
)
from dbt.tests.adapter.simple_seed.test_seed_type_override import TestSimpleSeedColumnOverride
from dbt.tests.util import run_dbt

from tests.conformance.adapted.words import TYPES, said, translated

WORDS = (*TYPES, ('"', ""))


class _Compared:
    """The statements one by one, in Spark's types and quotes."""

    @pytest.fixture(scope="class")
    def project(self, project: Any) -> Any:
        return translated(project, WORDS)

    def _check_relation_end_state(self, run_result: Any, project: Any, exists: bool) -> None:
        # Nothing cascades in Spark: a view stays when its table is made anew.
        super()._check_relation_end_state(run_result, project, exists=True)  # type: ignore[misc]  # of dbt's class


class AdaptedBasicSeedTests(_Compared, TestBasicSeedTests):
    """Spark's types; a view stays when its table is made anew."""


class AdaptedSeedConfigFullRefreshOn(_Compared, TestSeedConfigFullRefreshOn):
    """Spark's types; a view stays when its table is made anew."""


class AdaptedSeedConfigFullRefreshOff(_Compared, TestSeedConfigFullRefreshOff):
    """Spark's types; a view stays when its table is made anew."""


class AdaptedSeedCustomSchema(_Compared, TestSeedCustomSchema):
    """Spark's types."""


class AdaptedSeedWithUniqueDelimiter(_Compared, TestSeedWithUniqueDelimiter):
    """Spark's types."""


class AdaptedSeedWithEmptyDelimiter(_Compared, TestSeedWithEmptyDelimiter):
    """Spark's types."""


class AdaptedSeedParsing(_Compared, TestSeedParsing):
    """Spark's types."""


class AdaptedSimpleSeedWithBOM(_Compared, TestSimpleSeedWithBOM):
    """Spark's types; the file with a byte order mark, which dbt does not publish, is written first."""

    @pytest.fixture(scope="class")
    def project(self, project: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
        folder = tmp_path_factory.mktemp("bom")
        (folder / "seed_bom.csv").write_text(published_seeds.seed__actual_csv, encoding="utf-8-sig")
        project.test_dir = folder
        return translated(project, WORDS)


class AdaptedSeedSpecificFormats(TestSeedSpecificFormats):
    """A large seed and one of many alphabets; a table's name cannot have dots in Spark's catalogs."""

    @pytest.fixture(scope="class")
    def seeds(self) -> dict[str, str]:
        return {
            "big_seed.csv": "seed_id\n" + "".join(f"{i}\n" for i in range(20_000)),
            "seed_unicode.csv": published_seeds.seed__unicode_csv,
        }

    def test_simple_seed(self, project: Any) -> None:
        assert len(run_dbt(["seed"])) == 2
        assert project.run_sql(f"select count(*) from {project.test_schema}.big_seed", fetch="one")[0] == 20_000


class AdaptedSimpleSeedColumnOverride(TestSimpleSeedColumnOverride):
    """Spark's types: a number that dbt reads is a `bigint`."""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        kinds = ((": text", ": string"), (": integer", ": bigint"), (": timestamp without time zone", ": timestamp"))
        return {"schema.yml": said(published_fixtures.properties__schema_yml, kinds)}

    @staticmethod
    def seed_enabled_types() -> dict[str, str]:
        return {"seed_id": "string", "birthday": "date"}

    @staticmethod
    def seed_tricky_types() -> dict[str, str]:
        return dict.fromkeys(("seed_id_str", "looks_like_a_bool", "looks_like_a_date"), "string")
