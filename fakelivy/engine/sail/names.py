"""Names of one to four parts: what they mean in a session, and where a statement names tables."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from fakelivy.engine.sail.catalog import Name, Relation
from fakelivy.engine.sail.tokens import Kind, Token, quote_name, tokenize


def full_name(parts: tuple[str, ...], current: tuple[str, str]) -> Name:
    """The table a name means where ``current`` is the current lakehouse and schema.

    The workspace of a four-part name is dropped: a warehouse is one workspace.
    """
    lower = [part.lower() for part in parts]
    match lower:
        case [table]:
            return Name(*current, table)
        case [schema, table]:
            return Name(current[0], schema, table)
        case [lakehouse, schema, table] | [_, lakehouse, schema, table]:
            return Name(lakehouse, schema, table)
    raise ValueError(f"a name has one to four parts, not {len(parts)}")


def render(name: tuple[str, ...]) -> str:
    """A name in quotes, ready to stand in a statement."""
    return ".".join(quote_name(part) for part in name)


def sql_name(relation: Relation) -> str:
    """A table or view, ready to stand in a statement."""
    return render(relation.name) if relation.name.lakehouse else f"delta.{quote_name(relation.location)}"


def of_path(parts: tuple[str, ...]) -> Relation | None:
    """The table that ``delta.`/a/folder` `` means, which no catalog knows; ``None`` for any other name."""
    if len(parts) != 2 or parts[0].lower() != "delta" or "/" not in parts[1]:
        return None
    folder = unquote(urlsplit(parts[1]).path) if parts[1].startswith("file:") else parts[1]
    return Relation(Name("", "delta", folder), "table", provider="delta", location=folder)


@dataclass(frozen=True)
class Reference:
    """A place where a statement names a table: ``source[start:end]``."""

    parts: tuple[str, ...]
    start: int
    end: int


# After these words a table name follows; a FROM list goes on after each comma of its own level.
_BEFORE_TABLE = frozenset({"FROM", "JOIN", "INTO", "TABLE", "USING", "UPDATE", "OVERWRITE"})
_NOT_A_TABLE = frozenset({"SELECT", "VALUES", "LATERAL", "TABLE", "IF", "ONLY", "SET"})
_ENDS_FROM = frozenset(
    {
        *("WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "WINDOW", "SORT", "CLUSTER", "DISTRIBUTE", "QUALIFY"),
        *("UNION", "INTERSECT", "EXCEPT", "MINUS", "SELECT", "VALUES", "LATERAL", "PIVOT", "UNPIVOT"),
        *("ON", "SET", "WHEN"),
    }
)


def references(source: str) -> Iterator[Reference]:
    """Every table name of a query, except those of its own ``WITH``.

    Reads the shape of the text only, so it may name too few tables in exotic syntax; callers use it to write names
    in full, never to decide what is safe.
    """
    tokens = [token for token in tokenize(source) if token.kind not in (Kind.SPACE, Kind.COMMENT)]
    tokens.append(Token(Kind.END, "", len(source)))
    own = _with_names(tokens)
    listing = [False]
    index = 0
    while index < len(tokens) - 1:
        token = tokens[index]
        if token.text == "(":
            listing.append(False)
        elif token.text == ")" and len(listing) > 1:
            listing.pop()
        elif token.upper in _ENDS_FROM:
            listing[-1] = False
        opens = token.upper in _BEFORE_TABLE and not _is_function_from(tokens, index)
        if opens:
            listing[-1] = token.upper == "FROM"
        if opens or (token.text == "," and token.kind is Kind.PUNCT and listing[-1]):
            found = _dotted(tokens, index + 1)
            if found is not None:
                reference, index = found
                if len(reference.parts) > 1 or reference.parts[0].lower() not in own:
                    yield reference
                continue
        index += 1


def _is_function_from(tokens: list[Token], index: int) -> bool:
    # extract(year from d), trim(both 'x' from s), substring(s from 2), a is distinct from b
    if tokens[index].upper != "FROM":
        return False
    if tokens[index - 1].upper == "DISTINCT":
        return True
    depth = 0
    for at in range(index - 1, max(-1, index - 40), -1):
        text = tokens[at].text
        depth += (text == ")") - (text == "(")
        if depth < 0:
            return tokens[at - 1].upper in ("EXTRACT", "TRIM", "SUBSTRING", "SUBSTR", "OVERLAY", "POSITION")
        if tokens[at].upper == "SELECT" and depth == 0:
            return False
    return False


def _dotted(tokens: list[Token], index: int) -> tuple[Reference, int] | None:
    first = tokens[index]
    if first.kind not in (Kind.WORD, Kind.QUOTED) or first.upper in _NOT_A_TABLE:
        return None
    parts = [_bare(first)]
    last = first
    index += 1
    while tokens[index].text == "." and tokens[index + 1].kind in (Kind.WORD, Kind.QUOTED):
        last = tokens[index + 1]
        parts.append(_bare(last))
        index += 2
    if tokens[index].text == "(" and last.kind is Kind.WORD and len(parts) == 1 and tokens[index].start == last.end:
        return None  # a table function
    return Reference(tuple(parts), first.start, last.end), index


def _bare(token: Token) -> str:
    return token.text[1:-1].replace("``", "`") if token.kind is Kind.QUOTED else token.text


def _with_names(tokens: list[Token]) -> frozenset[str]:
    """Names that a ``WITH`` defines anywhere: ``x as (``, ``x (a, b) as (`` after WITH or a comma."""
    names = set()
    for index, token in enumerate(tokens[:-2]):
        starts = token.upper in ("WITH", "RECURSIVE") or token.text == ","
        if not starts or tokens[index + 1].kind not in (Kind.WORD, Kind.QUOTED):
            continue
        after = index + 2
        if tokens[after].text == "(":
            depth = 0
            while after < len(tokens) - 1:
                depth += (tokens[after].text == "(") - (tokens[after].text == ")")
                after += 1
                if depth == 0:
                    break
        if tokens[after].upper == "AS" and after + 1 < len(tokens) and tokens[after + 1].text == "(":
            names.add(_bare(tokens[index + 1]).lower())
    return frozenset(names)


_WORDS = re.compile(r"\w+")


def mentioned(source: str, names: Collection[str]) -> set[str]:
    """Which of ``names`` (lower case) stand anywhere in ``source``. Says yes too often rather than too rarely."""
    lower = source.lower()
    words = set(_WORDS.findall(lower))
    return {name for name in names if name in words or (not name.isidentifier() and name.replace("`", "``") in lower)}
