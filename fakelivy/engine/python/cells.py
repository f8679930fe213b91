"""Runs a cell of Python as Livy's interpreter does: the last expression is shown, magics show a variable's value."""

from __future__ import annotations

import ast
import base64
import contextlib
import datetime as dt
import decimal
import io
import json
import linecache
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

TEXT, JSON, TABLE, PNG = "text/plain", "application/json", "application/vnd.livy.table.v1+json", "image/png"

Data = dict[str, Any]

_MAGIC = re.compile(r"^%(?P<name>\w+)\s*(?P<argument>.*)$", re.MULTILINE)
_NAME_OF_CODE = "<stdin>"


class MagicError(Exception):
    """A magic that cannot show what it was given."""


class UnknownMagic(Exception):
    """No magic of this name."""


def run_cell(
    code: str, namespace: dict[str, Any], running: Callable[[], contextlib.AbstractContextManager[None]]
) -> Data:
    """Run ``code`` in ``namespace``.

    Args:
        running: entered around the user's own code, so that only this can be interrupted.

    Returns:
        ``{"data": {mime: content}}``, or ``{"ename": …, "evalue": …, "traceback": […]}`` as Livy has them (Livy source,
        ``fake_shell.py``): lines keep their newline, and the cell's own frame is left out.
    """
    out, err = io.StringIO(), io.StringIO()
    data: Data = {}
    try:
        nodes = list(_nodes(code))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), running():
            for node in nodes:
                data = node(namespace) or {}
    except SyntaxError as error:
        own = error.filename == _NAME_OF_CODE
        return _failed(error, None if own else error.__traceback__)
    except BaseException as error:  # noqa: BLE001  # SystemExit and KeyboardInterrupt end a cell, not the interpreter
        return _failed(error, error.__traceback__)
    text = (data.pop(TEXT, "") + out.getvalue() + err.getvalue()).rstrip()
    if text or not data:
        data[TEXT] = text
    return {"data": data}


def _failed(error: BaseException, trace: TracebackType | None) -> Data:
    while trace is not None and trace.tb_frame.f_code.co_filename != _NAME_OF_CODE:
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace, chain=False)
    if trace is not None:
        del lines[1]  # the cell's own frame
    return {"ename": type(error).__name__, "evalue": str(error), "traceback": lines}


Node = Callable[[dict[str, Any]], Data | None]


def _nodes(code: str) -> Iterator[Node]:
    """The pieces of a cell: plain code and magics.

    Raises:
        SyntaxError: a piece is no Python.
    """
    try:
        yield _plain(code)
        return
    except SyntaxError:
        magics = list(_MAGIC.finditer(code))
        if not magics:
            raise
    start = 0
    for magic in magics:
        if before := code[start : magic.start()].strip("\n"):
            yield _plain(before)
        yield _magic(magic["name"], magic["argument"].strip())
        start = magic.end()
    if after := code[start:].strip("\n"):
        yield _plain(after)


def _plain(code: str) -> Node:
    tree = ast.parse(code, _NAME_OF_CODE)
    linecache.cache.pop(_NAME_OF_CODE, None)

    def run(namespace: dict[str, Any]) -> None:
        for node in tree.body[:-1]:
            exec(compile(ast.Module([node], []), _NAME_OF_CODE, "exec"), namespace)
        if tree.body:
            exec(compile(ast.Interactive(tree.body[-1:]), _NAME_OF_CODE, "single"), namespace)

    return run


def _magic(name: str, argument: str) -> Node:
    show = _MAGICS.get(name)

    def run(namespace: dict[str, Any]) -> Data:
        if show is None:
            raise UnknownMagic(f"unknown magic command '{name}'")
        if not argument:
            raise MagicError(f"%{name} needs the name of a variable")
        if argument not in namespace:
            raise NameError(f"name '{argument}' is not defined")
        return show(namespace[argument])

    return run


def _json(value: Any) -> Data:
    try:
        return {JSON: json.loads(json.dumps(value, allow_nan=False))}
    except (TypeError, ValueError) as error:
        raise MagicError(f"cannot be shown as JSON: {error}") from error


def _table(value: Any) -> Data:
    headers: dict[str, dict[str, str]] = {}
    rows = []
    for row in value if isinstance(value, list | tuple) else [value]:
        cells = row if isinstance(row, Mapping) else dict(enumerate(row if isinstance(row, list | tuple) else [row]))
        for column, cell in cells.items():
            name, kind = str(column), _table_type(cell)
            header = headers.setdefault(name, {"type": kind, "name": name})
            if header["type"] == "NULL_TYPE":
                header["type"] = kind
            elif kind not in (header["type"], "NULL_TYPE"):
                raise MagicError(f"table rows have different types: {header['type']} and {kind} in column {name}")
        rows.append({str(column): cell for column, cell in cells.items()})
    data = [[_table_cell(row.get(name)) for name in headers] for row in rows]
    return {TABLE: {"headers": list(headers.values()), "data": data}}


# The first that fits: a boolean is an integer too, and a datetime a date.
_TABLE_TYPES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "NULL_TYPE"),
    (bool, "BOOLEAN_TYPE"),
    (int, "INT_TYPE"),
    (float, "DOUBLE_TYPE"),
    (str, "STRING_TYPE"),
    (decimal.Decimal, "DECIMAL_TYPE"),
    (dt.datetime, "TIMESTAMP_TYPE"),
    (dt.date, "DATE_TYPE"),
    ((list, tuple), "ARRAY_TYPE"),
    (Mapping, "MAP_TYPE"),
)


def _table_type(value: Any) -> str:
    for kind, name in _TABLE_TYPES:
        if isinstance(value, kind):
            if name == "INT_TYPE" and not -(2**31) <= value < 2**31:
                return "BIGINT_TYPE"
            return name
    raise MagicError(f"cannot show a value of type {type(value).__name__} in a table")


def _table_cell(value: Any) -> Any:
    return value if isinstance(value, str | int | float | list | tuple | dict | None) else str(value)


def _plot(value: Any) -> Data:
    image = io.BytesIO()
    (value if hasattr(value, "savefig") else value.gcf()).savefig(image, format="png")
    return {PNG: base64.b64encode(image.getvalue()).decode()}


_MAGICS: Mapping[str, Callable[[Any], Data]] = {"json": _json, "table": _table, "matplot": _plot}
