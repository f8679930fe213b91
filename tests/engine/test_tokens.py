"""The tokenizer loses nothing, reads Spark's quoting, and stays linear."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakelivy.engine.sail.tokens import Kind, quote_name, quote_string, string_value, tokenize


def shown(source: str) -> list[tuple[str, str]]:
    return [(token.kind.value, token.text) for token in tokenize(source) if token.kind is not Kind.SPACE]


SQL_ALPHABET = st.text(alphabet=st.sampled_from("ab1.'\"`\\/*-+;,() \nrR<=>|:é🎉\x85"), max_size=60)


@given(SQL_ALPHABET | st.text(max_size=60))
def test_the_tokens_put_together_are_the_source(source: str) -> None:
    tokens = list(tokenize(source))
    assert "".join(token.text for token in tokens) == source
    assert all(source[token.start : token.end] == token.text for token in tokens)


@given(st.text())
def test_a_quoted_string_is_one_token_with_the_same_value(value: str) -> None:
    tokens = list(tokenize(quote_string(value)))
    assert [token.kind for token in tokens] == [Kind.STRING]
    assert string_value(tokens[0].text) == value


@given(st.text(min_size=1))
def test_a_quoted_name_is_one_token(value: str) -> None:
    assert [token.kind for token in tokenize(quote_name(value))] == [Kind.QUOTED]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a.b", [("word", "a"), ("punct", "."), ("word", "b")]),
        ("db.2024_orders", [("word", "db"), ("punct", "."), ("word", "2024_orders")]),
        ("1.5e-3 .5 2L 3BD 4.", [("number", t) for t in ("1.5e-3", ".5", "2L", "3BD", "4.")]),
        (r"'it\'s' x", [("string", r"'it\'s'"), ("word", "x")]),
        (r"'\\' 'b'", [("string", r"'\\'"), ("string", "'b'")]),
        (r'"a\"b"', [("string", r'"a\"b"')]),
        (r"r'\' x", [("string", r"r'\'"), ("word", "x")]),
        ("`a``b`.`c d`", [("quoted", "`a``b`"), ("punct", "."), ("quoted", "`c d`")]),
        ("-- it's; 'x\n1", [("comment", "-- it's; 'x"), ("number", "1")]),
        ("/* a /* b */ ' */ 1", [("comment", "/* a /* b */ ' */"), ("number", "1")]),
        ("/*+ broadcast(x) */ a", [("comment", "/*+ broadcast(x) */"), ("word", "a")]),
        ("<=>||->::=>", [("punct", t) for t in ("<=>", "||", "->", "::", "=>")]),
        ("größe", [("word", "größe")]),
        ("'open", [("string", "'open")]),
        ("`open", [("quoted", "`open")]),
        ("/* open", [("comment", "/* open")]),
    ],
)  # fmt: skip
def test_pieces_of_spark_sql(source: str, expected: list[tuple[str, str]]) -> None:
    assert shown(source) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"'a\nb\t'", "a\nb\t"),
        (r"'\%\_'", r"\%\_"),
        (r"'\u00e9\U0001F389'", "é🎉"),
        (r"'\101\0'", "A\0"),
        (r"'\q'", "q"),
        (r"r'a\nb'", r"a\nb"),
        ("\"say 'hi'\"", "say 'hi'"),
    ],
)
def test_string_values_follow_sparks_escapes(text: str, value: str) -> None:
    assert string_value(text) == value


@pytest.mark.parametrize(
    "piece",
    ["'it\\'s', ", "/* x ", "'", "a.", "`b``", "\\", "-- c\\", "1e", "(select "],
)
def test_reading_stays_linear(piece: str) -> None:
    def cost(times: int) -> float:
        source = piece * times
        spent = []
        for _ in range(3):
            before = time.process_time()
            for _ in tokenize(source):
                pass
            spent.append(time.process_time() - before)
        return min(spent)

    short, long = cost(2_000), cost(32_000)
    # Sixteen times the text costs about sixteen times as much; a quadratic reader would need 256 times.
    assert long < max(short, 1e-4) * 100
