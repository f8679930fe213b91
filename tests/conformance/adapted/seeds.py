"""Seeds: the table they are compared with, made by Spark's SQL, and views that outlive their table."""

from __future__ import annotations

from typing import Any

import pytest
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
from dbt.tests.util import run_dbt

WORDS = ((" TEXT", " string"), (" TIMESTAMP WITHOUT TIME ZONE", " timestamp"), ('"', ""))


def _translated(project: Any) -> Any:
    published = project.run_sql

    def run_sql(sql: str, fetch: str | None = None) -> Any:
        for before, after in WORDS:
            sql = sql.replace(before, after)
        result = None
        for statement in filter(str.strip, sql.split(";\n")):
            result = published(statement, fetch)
        return result

    project.run_sql = run_sql
    return project


class _Compared:
    """The statements one by one, in Spark's types and quotes."""

    @pytest.fixture(scope="class")
    def project(self, project: Any) -> Any:
        return _translated(project)

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
        return _translated(project)


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
