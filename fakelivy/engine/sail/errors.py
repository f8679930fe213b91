"""Every SQL error of the engine: Spark's error classes, and the table that turns Sail's texts into them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from fakelivy.engine.sail.names import references
from fakelivy.engine.sail.tokens import Kind, Token, tokenize


class SparkError(Exception):
    """A statement failed; the text starts with Spark's error class in brackets."""


def spark_error(error_class: str, text: str) -> SparkError:
    return SparkError(f"[{error_class}] {text}")


def quoted(parts: tuple[str, ...]) -> str:
    """A name as Spark prints it in errors: `` `a`.`b` ``."""
    return ".".join(f"`{part}`" for part in parts)


def unsupported(command: str, why: str = "") -> SparkError:
    """The answer to a command that neither Sail nor we can do: it names the command."""
    return spark_error("UNSUPPORTED_FEATURE", f"{command} is not supported by the embedded engine{why and ': ' + why}.")


def not_found(parts: tuple[str, ...]) -> SparkError:
    return spark_error(
        "TABLE_OR_VIEW_NOT_FOUND",
        f"The table or view {quoted(parts)} cannot be found. Check the spelling, the schema and the catalog.",
    )


def schema_not_found(parts: tuple[str, ...]) -> SparkError:
    return spark_error(
        "SCHEMA_NOT_FOUND", f"The schema {quoted(parts)} cannot be found. Check the spelling and the catalog."
    )


def already_exists(parts: tuple[str, ...]) -> SparkError:
    return spark_error(
        "TABLE_OR_VIEW_ALREADY_EXISTS",
        f"Cannot create table or view {quoted(parts)} because it already exists. "
        "Choose another name, drop the existing object, or use IF NOT EXISTS or OR REPLACE.",
    )


def syntax_error(source: str, token: Token, *, extra: bool = False) -> SparkError:
    line, position = _place(source, token.start)
    where = "end of input" if token.kind is Kind.END else f"'{token.text[:60]}'"
    more = f": extra input '{token.text[:60]}'" if extra else ""
    return spark_error("PARSE_SYNTAX_ERROR", f"Syntax error at or near {where}{more}.(line {line}, pos {position})")


def _place(source: str, offset: int) -> tuple[int, int]:
    before = source[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1)


def _parse(match: re.Match[str], source: str) -> str:
    offset = match["offset"]
    if offset is None:
        return str(syntax_error(source, Token(Kind.END, "", len(source))))
    return str(syntax_error(source, Token(Kind.WORD, source[int(offset) : int(match["end"])], int(offset))))


def _column(match: re.Match[str], _: str) -> str:
    name = ".".join(f"`{part}`" for part in re.findall(r'Identifier\("(.*?)"\)', match["x"]))
    return f"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column or function parameter with name {name} cannot be resolved."


UNRESOLVED = re.compile(
    r"\[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION\] A column or function parameter with name "
    r"(?P<name>(?:`.*?`\.)*`(?P<last>.*?)`) "
)


def did_you_mean(name: str, columns: Sequence[str]) -> str:
    """The message about a column that is not there, quoted as in ``name``, and those that are."""
    return (
        f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name {name} cannot be resolved. "
        f"Did you mean one of the following? [{', '.join(f'`{column}`' for column in columns)}]."
    )


def _command(match: re.Match[str], _: str) -> str:
    return str(unsupported(re.sub(r"(?<!^)(?=[A-Z])", " ", match["x"]).upper()))


def _missing(match: re.Match[str], source: str) -> str:
    # Sail tells the last part only; the statement has the name as it was written.
    last = match["x"].strip()
    written = (found.parts for found in references(source) if found.parts[-1].lower() == last.lower())
    return str(not_found(next(written, (last,))))


def _second(_: re.Match[str], source: str) -> str:
    tokens = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
    ended = False
    for token in tokens:
        if ended and token.text != ";":
            return str(syntax_error(source, token, extra=True))
        ended = ended or token.text == ";"
    return str(syntax_error(source, Token(Kind.END, "", len(source))))


def _twice(match: re.Match[str], source: str) -> str:
    again = [token for token in tokenize(source) if token.upper == match["x"].split()[-1]]
    return str(syntax_error(source, again[-1] if again else Token(Kind.END, "", len(source))))


def _ambiguous(match: re.Match[str], _: str) -> str:
    name = ".".join(f"`{part}`" for part in re.findall(r'Identifier\("(.*?)"\)', match["x"]))
    return f"[AMBIGUOUS_REFERENCE] Reference {name} is ambiguous: more than one column has this name."


def _position(match: re.Match[str], source: str) -> str:
    ordering = re.search(rf"\border\s+by\b[^()]*\b{match['x']}\b", source, re.IGNORECASE)
    where = "ORDER" if ordering else "GROUP"
    return (
        f"[{where}_BY_POS_OUT_OF_RANGE] {where} BY position {match['x']} is not in select list (valid range is "
        f"[1, {match['m']}])."
    )


def _arguments(match: re.Match[str], _: str) -> str:
    name, number = (match["f"], match["n"]) if match["f"] else (match["g"], match["m"])
    return f"[WRONG_NUM_ARGS.WITHOUT_SUGGESTION] The `{name}` requires {number} parameters but has another number."


def _ungrouped(_: re.Match[str], source: str) -> str:
    if any(token.upper == "GROUP" for token in tokenize(source)):
        return "[MISSING_AGGREGATION] The query has a column that is neither in GROUP BY nor in an aggregate function."
    return "[MISSING_GROUP_BY] The query does not include a GROUP BY clause. Add GROUP BY or use window functions."


Maker = Callable[[re.Match[str], str], str]

# Sail 0.7.2's own texts, most specific first: a template of the match, or a function of it and the statement.
_ROWS: tuple[tuple[str, str | Maker], ...] = (
    (r"(?:Table|View) not found:? (?:\[\w+\] Table or view not found: )?(?P<x>[^\n]+)", _missing),
    (r"(?:Database|Namespace) not found: (?P<x>[^\n]+)", r"[SCHEMA_NOT_FOUND] The schema `\g<x>` cannot be found."),
    (r"attribute ObjectName\(\[(?P<x>.*?)\]\) is missing from the schema", _column),
    (r"\[(?!UNSUPPORTED_DATA_TYPE)[A-Z_.]+\] .*", r"\g<0>"),
    (r"invalid argument: found .*?(?: at (?P<offset>\d+):(?P<end>\d+))? expected", _parse),
    (r"invalid argument: expected one statement", _second),
    (r"duplicated (?P<x>[A-Z ]+?) clause", _twice),
    (
        r"(?:unknown (?:table |aggregate |window )?|^)function: (?P<x>\S+)",
        r"[UNRESOLVED_ROUTINE] Cannot resolve routine `\g<x>`: no function of this name is known.",
    ),
    (
        r"Can(?:not|'t) cast (?:string|value) '?(?P<v>.*?)'? to (?:value of )?(?:type )?(?P<t>\w+)",
        r"[CAST_INVALID_INPUT] The value '\g<v>' cannot be cast to \g<t> because it is malformed or out of range.",
    ),
    (
        r"Arithmetic overflow: (?P<x>[^\n]*)",
        r"[ARITHMETIC_OVERFLOW] \g<x>. The embedded engine computes in 38 digits on the way to a result, too.",
    ),
    (r"[Dd]ivide by zero", "[DIVIDE_BY_ZERO] Division by zero."),
    (r"is not true!", "[USER_RAISED_EXCEPTION] Assertion failed: the condition is not true."),
    (
        r"(?:listing table path|Delta table|Table|View) already exists:? ?(?P<x>[^\n]*)",
        r"[TABLE_OR_VIEW_ALREADY_EXISTS] The table or view already exists: \g<x>",
    ),
    (
        r"input schema for INSERT has (?P<n>\d+) fields, but table schema has (?P<m>\d+)",
        r"[DELTA_INSERT_COLUMN_ARITY_MISMATCH] Cannot write: the query has \g<n> columns, the table has \g<m>.",
    ),
    (
        r"Inconsistent data length across values list: got (?P<n>\d+) values in row (?P<r>\d+) but expected (?P<m>\d+)",
        r"[INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH] Row \g<r> of VALUES has \g<n> columns, those before have \g<m>.",
    ),
    (
        r"MERGE_CARDINALITY_VIOLATION",
        "[DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE] Cannot merge: several source rows match the same "
        "target row, so it is not clear which of them should change it.",
    ),
    (
        r"Missing commit file: expected final version (?P<n>\d+), replay reached (?P<m>-?\d+)",
        r"[DELTA_VERSION_NOT_FOUND] Cannot time travel Delta table to version \g<n>. Available versions: [0, \g<m>].",
    ),
    (
        r"No version of the Delta table exists at or before timestamp (?P<x>\S+)",
        r"[DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION] The provided timestamp (\g<x>) is before the first version.",
    ),
    (
        r"Invalid table location: (?P<x>[^\n]*)",
        r"[DELTA_PATH_DOES_NOT_EXIST] The path doesn't exist, or is not a Delta table: \g<x>.",
    ),
    (r"Failed to commit transaction.*", r"[DELTA_CONCURRENT_WRITE] Another writer changed the table meanwhile: \g<0>"),
    (r'No field named [^\n]*"#\d+"', _ungrouped),
    (
        r"(?i:duplicate (?:(?:un)?qualified )?field name):? \"?(?P<x>[^\"\n]*)",
        r"[COLUMN_ALREADY_EXISTS] The column `\g<x>` already exists. Choose another name for one of them.",
    ),
    (
        r"(?:Cannot coerce|Failed to coerce|Cannot infer common argument type)[^\n]*",
        r"[DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE] The types of the arguments do not fit: \g<0>",
    ),
    (
        r"Resources exhausted: (?P<x>[^\n]*)",
        r"[UNABLE_TO_ACQUIRE_MEMORY] The query needs more memory than a session may have: \g<x>",
    ),
    (
        r"RST_STREAM|Stream removed",
        "[INTERNAL_ERROR] The embedded engine broke down in this query and gave no reason. The session goes on; "
        "another wording of the query may do.",
    ),
    (r"ambiguous attribute: ObjectName\(\[(?P<x>.*?)\]\)", _ambiguous),
    (
        r"UNION queries have different number of columns: left has (?P<n>\d+) columns whereas right has (?P<m>\d+)",
        r"[NUM_COLUMNS_MISMATCH] UNION can only be performed on inputs with the same number of columns, but the first "
        r"input has \g<n> columns and the second input has \g<m> columns.",
    ),
    (r"missing or ambiguous field: (?P<x>\w+)", r"[FIELD_NOT_FOUND] No such struct field `\g<x>`."),
    (
        r"invalid argument: (?P<t>Date|Timestamp)Value \{(?P<x>.*?)\}",
        r"[INVALID_TYPED_LITERAL] The value of a typed literal is invalid: \g<t> \g<x>.",
    ),
    (
        r"Unsupported (?:TRY_)?CAST from (?P<x>[^\n]+) to (?P<t>\w+)",
        r"[DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION] Cannot cast \g<x> to \g<t>.",
    ),
    (
        r"LIMIT must be >= 0, '(?P<x>[^']*)'",
        r"[INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE] The limit expression must be equal to or greater than 0, but "
        r"got \g<x>.",
    ),
    (r"Cannot resolve column position (?P<x>\d+)\. Valid positions are 1 to (?P<m>\d+)", _position),
    (
        r"Aggregate function calls cannot be nested: (?P<x>[^\n]*)",
        r"[NESTED_AGGREGATE_FUNCTION] It is not allowed to use an aggregate function in the argument of another one: "
        r"\g<x>.",
    ),
    (
        r"logical expression AggregateFunction",
        "[INVALID_WHERE_CONDITION] The WHERE condition contains an aggregate function. Use HAVING, or a subquery.",
    ),
    (
        r"(?P<f>\w+) requires (?P<n>\d+(?: or \d+)?) arguments?"
        r"|expected (?P<m>\d+ to \d+) arguments for (?P<g>\w+), but got",
        _arguments,
    ),
    (r"the index 0 is invalid", "[INVALID_INDEX_OF_ZERO] The index 0 is invalid. The first element has index 1."),
    (
        r"Cannot create filter with non-boolean predicate '(?P<x>[^\n]*)' returning (?P<t>\w+)",
        r"[DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN] The filter expression \g<x> of type \g<t> is not a boolean.",
    ),
    (
        r"Scalar subquery should only return one column, but found (?P<n>\d+)",
        r"[INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN] Scalar subquery must return "
        r"only one column, but got \g<n>.",
    ),
    (
        r"Scalar subquery returned more than one row",
        "[SCALAR_SUBQUERY_TOO_MANY_ROWS] More than one row returned by a subquery used as an expression.",
    ),
    (
        r"Cannot resolve UPDATE target column `(?P<x>[^`]*)`",
        r"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column with name `\g<x>` cannot be resolved.",
    ),
    (
        r"(?:regex parse error|Regular expression did not compile)(?P<x>.*)",
        r"[INVALID_PARAMETER_VALUE.PATTERN] The regular expression is invalid\g<x>",
    ),
    (
        r"Invalid data type for Delta Lake: (?P<x>[^\n]*)",
        r"[DELTA_UNSUPPORTED_DATA_TYPES] Found columns using unsupported data types: \g<x>.",
    ),
    (r"(?:CommandNode|PlanNode)::(?P<x>\w+)", _command),
)
_TABLE = tuple((re.compile(pattern, re.DOTALL), make) for pattern, make in _ROWS)


def translate(text: str, source: str) -> str:
    """Sail's error ``text`` for the statement ``source`` in Spark's words; what no row knows stays as it is."""
    text = text.strip()
    for pattern, make in _TABLE:
        if match := pattern.search(text):
            return match.expand(make) if isinstance(make, str) else make(match, source)
    return text or "Sail failed the statement without a reason."
