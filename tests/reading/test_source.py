# ruff: noqa: E501  a table is read more easily with a case on a line
"""Cutting a file into its top-level statements, and what keeps after an edit."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from aimet_guidelines.positions import split_lines
from aimet_guidelines.reading.source import Source, read
from hypothesis import given, settings
from hypothesis import strategies as st

_ROOT = Path(__file__).resolve().parents[2]


def _keys(text: str) -> list[tuple[int, str]]:
    return [(line, statement.key) for line, statement in read(text).statements]


_CUTS: dict[str, tuple[str, list[tuple[int, str]]]] = {
    "nothing": ("", []),
    "only comments": ("# one\n\n# two\n", []),
    "one run of code": ("import torch\nx = 1\n", [(0, "code")]),
    "docstring, code, definitions": (
        '"""Doc."""\nimport torch\n\nclass A:\n    pass\n\ndef f():\n    pass\ny = 2\n',
        [(0, "code"), (3, "class A"), (6, "def f"), (8, "code#2")],
    ),
    "coroutine": ("async def f():\n    pass\n", [(0, "def f")]),
    "two of a name": ("def f(): ...\ndef f(): ...\n", [(0, "def f"), (1, "def f#2")]),
    "words that begin like keywords": ("classes = 1\ndefault = 2\nelse_ = 3\nfinally_ = 4\n", [(0, "code")]),
    "comments above belong to what is above": ("x = 1\n# about f\ndef f():\n    pass\n", [(0, "code"), (2, "def f")]),
    "one decorator": ("@deco\ndef f():\n    pass\n", [(0, "def f")]),
    "decorators over several lines": (
        "x = 1\n@first(\n    1,\n)\n# why\n@second\n\nclass A:\n    pass\n",
        [(0, "code"), (1, "class A")],
    ),
    "decorators of neighbours": ("@a\ndef f(): ...\n@b\nclass C: ...\n", [(0, "def f"), (2, "class C")]),
    "closing bracket at column 0": ("x = [\n1,\n]\ndef f(\n    a,\n):\n    pass\n", [(0, "code"), (3, "def f")]),
    "backslash": ("x = 1 + \\\n2\ndef f(): return \\\n1\n", [(0, "code"), (2, "def f")]),
    "else, elif, except, finally": (
        "if a:\n    pass\nelif b:\n    pass\nelse:\n    pass\ntry:\n    pass\nexcept E:\n    pass\nfinally:\n    pass\n",
        [(0, "code")],
    ),
    "def inside if": (
        "if a:\n    def f(): ...\nelse:\n    def f(): ...\n",
        [(0, "clause"), (1, "def f"), (2, "clause#2"), (3, "def f#2")],
    ),
    "class inside try": (
        "import a\ntry:\n    # c\n    import b\n\n    @d\n    class A:\n        x = 1\n    y = 2\nexcept E: y = 3\nelse:\n\n    class B: ...\n# d\nz = 4\n",
        [(0, "code"), (1, "clause"), (3, "code#2"), (5, "class A"), (8, "code#3"), (9, "code#4"), (10, "clause#2"), (12, "class B"), (14, "code#5")],
    ),
    "blocks in blocks": (
        "for i in (\n    1,\n):\n  with a as b, \\\n    c:\n    if d:\n      pass\n    while e:\n      async def f(): ...\n    else:\n      x = [\n    y\n    for y in z]\nq = 1\n",
        [(0, "clause"), (3, "clause#2"), (5, "code"), (7, "clause#3"), (8, "def f"), (9, "clause#4"), (10, "code#2"), (13, "code#3")],
    ),
    "blocks with windows line ends": (
        "if a:\r\n\r\n    def f():\r\n        pass\r\nelse:\r\n    x = 1\r\n",
        [(0, "clause"), (2, "def f"), (4, "clause#2"), (5, "code")],
    ),
    "blocks with tabs": ("if a:\n\tif b:\n\t\tclass A:\n\t\t\tx = 1\n\ty = 1\n", [(0, "clause"), (1, "clause#2"), (2, "class A"), (4, "code")]),
    "compound statements without classes": (
        "x = 1\nif a:\n    pass\ntry:\n    def f(): ...\nfinally:\n    pass\nwith b:\n    c\nd\n",
        [(0, "code"), (3, "clause"), (4, "def f"), (5, "clause#2"), (6, "code#2"), (7, "code#3")],
    ),
    "class in a string inside if": ('if a:\n    x = """\n    class A: ...\n    """\n', [(0, "code")]),
    "string at column 0 inside if": ('if a:\n    def f():\n        """\nno\n    class B: ...\n        """\n    x = 1\n', [(0, "clause"), (1, "def f"), (6, "code")]),
    "class inside match": ("match a:\n    case 1:\n        class A: ...\n", [(0, "code")]),
    "code at column 0 in a string": (
        'class A:\n    text = """\nclass B:\n    pass\n"""\n\ndef f():\n    pass\n',
        [(0, "class A"), (6, "def f")],
    ),
    "the other quotes inside": ('def f():\n    """\ndef no(): \'\'\'\n    """\ndef g(): ...\n', [(0, "def f"), (4, "def g")]),
    "quotes in a comment": ("def f():\n    pass  # it's \"\"\" here\ndef g(): ...\n", [(0, "def f"), (2, "def g")]),
    "quotes in a string": ("def f():\n    x = '\"\"\"'\ndef g(): ...\n", [(0, "def f"), (2, "def g")]),
    "escaped quotes": ('def f():\n    """ \\""" \ndef no(): ...\n    """\ndef g(): ...\n', [(0, "def f"), (4, "def g")]),
    "docstring of the file with code in it": (
        '"""\ndef no():\n    pass\n"""\ndef f(): ...\n',
        [(0, "code"), (4, "def f")],
    ),
    "quotes in a string, then a string": (
        "def f():\n    a = '\"\"\"'\n    \"\"\"\ndef no(): ...\n    \"\"\"\ndef g(): ...\n",
        [(0, "def f"), (5, "def g")],
    ),
    "string that ends in a quote": ('X = """a\n"b\\""""\ndef f(): ...\n', [(0, "code"), (2, "def f")]),
    "windows line ends": ("import a\r\n\r\ndef f():\r\n    pass\r\nx = 1\r\n", [(0, "code"), (2, "def f"), (4, "code#2")]),
    "windows line ends and a backslash": ("x = 1 + \\\r\n2\r\ndef f(): ...\r\n", [(0, "code"), (2, "def f")]),
    "form feed": ("import a\n\f\ndef f():\n    pass\n\f\nclass A: ...\n", [(0, "code"), (2, "def f"), (5, "class A")]),
    "tabs": ("def f():\n\tpass\nclass A:\n\tx = 1\n", [(0, "def f"), (2, "class A")]),
    "not ASCII": ("größe = 1\ndef größer(): ...\nclass Ω: ...\n", [(0, "code"), (1, "def größer"), (2, "class Ω")]),
    "no line end at the end": ("def f(): ...\nx = 1", [(0, "def f"), (1, "code")]),
    "blank lines and comments first": ("\n# c\n\nx = 1\n", [(3, "code")]),
}  # fmt: skip


@pytest.mark.parametrize("name", _CUTS)
def test_a_file_is_cut_where_its_statements_start(name: str) -> None:
    text, expected = _CUTS[name]
    assert _keys(text) == expected


@pytest.mark.parametrize("name", _CUTS)
def test_the_pieces_read_as_the_whole_does(name: str) -> None:
    _assert_reads_as_whole(_CUTS[name][0])


def _parts(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The statements of blocks that are no compound statements, or classes or functions, and what clauses begin with."""
    for node in body:
        if not isinstance(node, (ast.If, ast.Try, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith)):
            yield node
            continue
        for name, value in ast.iter_fields(node):
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, ast.ExceptHandler):
                    yield from [each.type] if each.type is not None else []
                    yield from _parts(each.body)
                elif isinstance(each, ast.withitem):
                    yield from ast.iter_child_nodes(each)
                elif isinstance(each, ast.expr):
                    yield each
            if name in ("body", "orelse", "finalbody"):
                yield from _parts(value)


def _assert_reads_as_whole(text: str) -> None:
    """The trees of the pieces, moved to their lines, are the tree of the file, and no text is lost."""
    source = read(text)
    whole = ast.parse(text).body
    parts = []
    for line, statement in source.statements:
        lines = range(1, len(statement.lines) + 1)
        parts.extend(
            ast.increment_lineno(node, line) for node in _parts(statement.body) if getattr(node, "lineno", 0) in lines
        )
        assert statement.error is None
    assert [ast.dump(node, include_attributes=True) for node in parts] == [
        ast.dump(node, include_attributes=True) for node in _parts(whole)
    ]
    head = text[: len(text) - sum(len(statement.text) for _, statement in source.statements)]
    assert head + "".join(statement.text for _, statement in source.statements) == text
    assert not ast.parse(head).body
    lines = split_lines(text)
    for line, statement in source.statements:
        assert lines[line : line + len(statement.lines) - 1] == statement.lines[:-1]


_FILES = sorted(
    path
    for folder in ("server", "tests", "examples", "scripts", "benchmarks", "bundled")
    for path in (_ROOT / folder).rglob("*.py")
    if "libs" not in path.parts
)


@pytest.mark.parametrize("path", _FILES, ids=[path.relative_to(_ROOT).as_posix() for path in _FILES])
def test_every_file_of_the_project_reads_in_pieces_as_whole(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    _assert_reads_as_whole(text)
    _assert_reads_as_whole(text.replace("\n", "\r\n"))


# What does not parse

_BROKEN: dict[str, tuple[str, list[str]]] = {
    "open bracket": ("class A:\n    x = (1,\n\ndef f(): ...\n", ["class A"]),
    "open string": ("def f():\n    x = 'a\n\ndef g(): ...\n", ["def f"]),
    "bad indentation": ("class A:\n    def f(self):\n    return 1\n\nclass B: ...\n", ["class A"]),
    "colon missing": ("class A\n    x = 1\n\ndef f(): ...\n", ["class A"]),
    "decorator without a definition": ("@deco\nx = 1\ndef f(): ...\n", ["code"]),
    "half an import": ("import torch\nfrom torch import\n\nclass A: ...\n", ["code"]),
    "in a block": ("if a:\n    def f(:\n        pass\n    def g(): ...\nelse:\n    x =\n", ["def f", "code"]),
    "what begins a clause": ("if a b:\n    def f(): ...\nelse:\n    class B: ...\n", ["clause"]),
    "a clause missing": ("try:\n    def f(): ...\nx = 1\n\ndef g(): ...\n", ["code"]),
    "a block missing": ("if a:\n    def f(): ...\nelse:\n# c\n\ndef g(): ...\n", ["code"]),
    "null character": ("x = 1\ndef f():\n    \0\ndef g(): ...\n", ["def f"]),
    "too deep": ("def f():\n    return " + "(" * 300 + ")" * 300 + "\ndef g(): ...\n", ["def f"]),
}


@pytest.mark.parametrize("name", _BROKEN)
def test_what_does_not_parse_costs_only_its_own_statement(name: str) -> None:
    text, broken = _BROKEN[name]
    source = read(text)
    found = [statement.key for _, statement in source.statements if not statement.body or statement.error]
    assert found == broken
    assert len(source.statements) > len(broken)


@pytest.mark.parametrize("name", _BROKEN)
def test_what_does_not_parse_keeps_nothing_alive_that_was_at_work_then(name: str) -> None:
    text, _ = _BROKEN[name]
    earlier = read(text.replace("\0", "pass"))
    for source in (read(text), read(text, earlier)):
        for _, statement in source.statements:
            error = statement.failure
            if error is not None:
                assert error.__traceback__ is error.__context__ is error.__cause__ is None


def test_blocks_deeper_than_a_parser_bears_are_left_whole() -> None:
    text = "".join(" " * depth + "if a:\n" for depth in range(1000)) + " " * 1000 + "class A: ...\n\ndef f(): ...\n"
    source = read(text)
    assert [statement.key for _, statement in source.statements][-2:] == ["code", "def f"]
    assert source.statements[-2][1].failure is not None


def test_an_open_triple_quoted_string_takes_what_follows() -> None:
    assert _keys('def f():\n    x = """open\n\ndef g(): ...\n') == [(0, "def f")]


def test_of_a_run_of_statements_what_parses_is_read() -> None:
    source = read("import torch\nfrom torch import\nx = é = torch.nn.ReLU()\n")
    ((_, statement),) = source.statements
    assert [type(node).__name__ for node in statement.body] == ["Import", "Assign"]
    assert statement.error is not None
    assert statement.span(statement.body[1]) == (2, 0, 2, 23)
    assert statement.source(statement.body[1].value) == "torch.nn.ReLU()"  # type: ignore[attr-defined]


_TOKENS = ["def f():", "class A:", "@a", '"""', "'", "\n", "\r\n", "    ", "x = 1", "(", ")", "\\", "#", "\f", "é"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_TOKENS), max_size=30).map("".join))
def test_no_text_is_lost_and_reading_never_raises(text: str) -> None:
    source = read(text)
    joined = "".join(statement.text for _, statement in source.statements)
    assert text.endswith(joined)
    for line, statement in source.statements:
        statement.body  # noqa: B018  parsing must not raise
        assert line == len(split_lines(text[: len(text) - len(joined)])) - 1
        joined = joined[len(statement.text) :]


# Positions


def test_positions_count_code_points_and_from_the_statement() -> None:
    text = 'import torch\n\n\ndef f(x):\n    return "é𝛼", torch.relu(x)\n'
    _, statement = read(text).statements[1]
    function = statement.body[0]
    assert isinstance(function, ast.FunctionDef)
    returned = function.body[0]
    assert isinstance(returned, ast.Return)
    assert isinstance(returned.value, ast.Tuple)
    call = returned.value.elts[1]
    assert statement.span(call) == (1, 17, 1, 30)
    assert statement.source(call) == "torch.relu(x)"
    assert statement.between(returned.value.elts[0], call) == (1, 11, 1, 30)


def test_source_of_a_node_over_several_lines() -> None:
    _, statement = read("x = f(\r\n    1,\r\n    'ü',\r\n)\r\n").statements[0]
    (node,) = statement.body
    assert statement.span(node) == (0, 0, 3, 1)
    assert statement.source(node) == "x = f(\n    1,\n    'ü',\n)"


def test_where_each_statement_starts() -> None:
    source = read("import a\n\nclass A: ...\n\n\ndef f(): ...\n")
    assert source.line_of == {"code": 0, "class A": 2, "def f": 5}
    assert source.by_key["def f"].text == "def f(): ...\n"


# After an edit

_BEFORE = "import torch\n\n\nclass A:\n    x = 1\n\n\ndef f():\n    return 1\n\n\nclass B:\n    y = 2\n"


def _kept(before: Source, after: Source) -> set[str]:
    old = {id(statement) for _, statement in before.statements}
    return {statement.key for _, statement in after.statements if id(statement) in old}


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("return 1", "return 22", {"code", "class A", "class B"}),
        ("import torch\n", "import torch\nimport math\n", {"class A", "def f", "class B"}),
        ("class A:", "\n\n# moved\nclass A:", {"class A", "def f", "class B"}),
        ("def f():\n    return 1\n\n\n", "", {"code", "class A", "class B"}),
        ("def f():", "def g(): ...\ndef f():", {"code", "class A", "def f", "class B"}),
        ("return 1", "return (", {"code", "class A", "class B"}),
        ("y = 2\n", "y = 2\nz = 3\n", {"code", "class A", "def f"}),
        ("", "", {"code", "class A", "def f", "class B"}),
    ],
)
def test_what_an_edit_does_not_touch_is_kept(old: str, new: str, kept: set[str]) -> None:
    before = read(_BEFORE)
    text = _BEFORE.replace(old, new, 1) if old else _BEFORE
    after = read(text, before)
    assert _kept(before, after) >= kept - {"class A" if old == "class A:" else ""}
    assert [(line, statement.key, statement.text) for line, statement in after.statements] == [
        (line, statement.key, statement.text) for line, statement in read(text).statements
    ]


_BLOCKS = [
    "if x:\n    class C:\n        x = 1\nelse:\n    y = 1\n",
    "try:\n    import a\n    @deco\n    def f():\n        return (1,\n    2)\nexcept E:\n    def f(): ...\nfinally: x = 1\n",
    "with a:\n    for b in c:\n        def g(): pass\n    # c\n    class D: ...\nx = 1\n",
]
_LINES = st.sampled_from(
    [*_BLOCKS, *_BLOCKS, "    class C:", "    def f():", "        y = 1", "try:", "    else:",
     "import a", "x = 1", "class A:", "class B(A):", "def f():", "def g(x):", "    pass", "    x = (", "    )", '    """', '"""',
     "@deco", "# c", "", "else:", "if x:", "\\", "    return 'é'", "\f"]
)  # fmt: skip
_TEXTS = st.builds(
    lambda lines, end: _joined(lines, end), st.lists(_LINES, max_size=14), st.sampled_from(["\n", "\n", "\r\n"])
)


def _joined(lines: list[str], end: str) -> str:
    return end.join(lines).replace("\r\n", "\n").replace("\n", end)


@settings(max_examples=300, deadline=None)
@given(_TEXTS, _TEXTS, st.integers(0, 200), st.integers(0, 40))
def test_reading_after_any_edit_cuts_as_reading_afresh(text: str, pasted: str, start: int, removed: int) -> None:
    start = min(start, len(text))
    edited = text[:start] + pasted + text[start + removed :]
    after = read(edited, read(text))
    assert [(line, statement.key, statement.text) for line, statement in after.statements] == [
        (line, statement.key, statement.text) for line, statement in read(edited).statements
    ]


_TYPED = st.sampled_from(
    [
        "x",
        " ",
        "    ",
        "\n",
        "\r\n",
        "\r",
        "\n    ",
        "\n    def h(): ...",
        "\nelse:",
        "if x:\n    class A: ...\n",
        "(",
        ")",
        "'",
        '"""',
        "#",
        "\\",
        "@",
        "é𝛼",
        "def g(): ...",
    ]
)
_ENDS = st.sampled_from(["\n", "\n", "\r\n", "\r"])
_KEYS = st.tuples(st.floats(0, 1), st.integers(0, 3), _TYPED)


@settings(max_examples=300, deadline=None)
@given(st.lists(_LINES, min_size=4, max_size=14), _ENDS, st.lists(_KEYS, max_size=8))
def test_key_after_key_is_cut_as_reading_afresh(lines: list[str], end: str, keys: list[tuple[float, int, str]]) -> None:
    text = _joined(["class N:", *lines, "    pass", "def z():", "    return 1", ""], end)
    source = read(text)
    for where, removed, typed in keys:
        start = int(where * len(text))
        text = text[:start] + typed + text[start + removed :]
        before, source = source, read(text, source)
        fresh = read(text)
        assert [(line, each.key, each.text, each.is_indented) for line, each in source.statements] == [
            (line, each.key, each.text, each.is_indented) for line, each in fresh.statements
        ]
        assert source.head == fresh.head
        assert [source.says(word) for word in ("@", "'", "x = 1")] == [word in text for word in ("@", "'", "x = 1")]
        for old, new in source.replaced(before) or ():
            change = new.change_since(old)
            assert old.lines[: change.first] == new.lines[: change.first]
            assert old.lines[change.old_end :] == new.lines[change.end :]


_INSIDE = (
    "try:\n    import torch\nexcept E:\n    x = None\nelse:\n    class A:\n        x = 1\n        y = 2\n    z = 1\n"
)


@pytest.mark.parametrize(
    "text", [_BEFORE.replace("x = 1", "x = 1\n    y = 2"), _INSIDE], ids=["top level", "in a block"]
)
def test_what_is_typed_inside_a_function_is_not_cut_again(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    for end in ("\n", "\r\n"):
        before = read(text.replace("\n", end))
        assert before.statements
        for old, new in (("x = 1", "x = 12"), ("x = 1", f"x = 1{end}        z = 3"), ("    x = 1", "")):
            edited = before.text.replace(old, new)
            fresh = read(edited).statements
            with monkeypatch.context() as patched:
                patched.setattr("aimet_guidelines.reading.source.pieces", None)
                after = read(edited, before)
            assert [(line, each.text) for line, each in after.statements] == [(line, each.text) for line, each in fresh]


def test_a_line_below_a_continued_one_starts_a_statement_once_the_two_are_parted() -> None:
    text = "def f():\n    x = 1 + \\\n2\n    return x\n"
    edited = text.replace("\\\n", "\\\n\n")
    assert [each.key for _, each in read(edited, read(text)).statements] == ["def f", "code"]


def test_a_bracket_that_is_closed_further_down_takes_the_code_between() -> None:
    text = "def f(x\n:\n    y = 1\n    return y\n"
    edited = text.replace("y = 1", "y) = 1")
    assert [each.key for _, each in read(edited, read(text)).statements] == ["def f"]


def test_a_half_typed_statement_keeps_its_last_version_that_parsed() -> None:
    whole = read("class A:\n    x = 1\n")
    broken = read("class A:\n    x = (1\n", whole)
    worse = read("class A:\n    x = ((1\n", broken)
    ((_, good),) = whole.statements
    for source in (broken, worse):
        ((_, statement),) = source.statements
        assert statement.error is None or statement.body == []
        assert statement.good is good
    mended = read("class A:\n    x = (1)\n", worse)
    ((_, statement),) = mended.statements
    assert statement.good is statement


def test_versions_that_parse_do_not_pile_up() -> None:
    source = read("class A:\n    x = 0\n")
    for number in range(1, 4):
        source = read(f"class A:\n    x = {number}\n", source)
    ((_, statement),) = source.statements
    assert statement.body
    assert statement.earlier is None


def test_a_statement_that_never_parsed_has_no_earlier_version() -> None:
    source = read("class A:\n    x = (\n")
    ((_, statement),) = source.statements
    assert statement.good is statement
    assert statement.body == []
    assert statement.error is not None


_UNINDENTED = (
    "class A:\n    def f(self, x):\n        return self.g(\nself.h(x),\nx)\n\n\ny = 1\n\n\ndef h(x):\n    return x\n"
)


def test_unindented_lines_inside_brackets_belong_to_the_statement_around_them() -> None:
    assert [statement.key for _, statement in read(_UNINDENTED).statements] == ["class A", "code", "def h"]
    edited = read(_UNINDENTED, read(_UNINDENTED.replace("self.g(\nself", "self.g(self")))
    assert [statement.key for _, statement in edited.statements] == ["class A", "code", "def h"]


def test_a_bracket_that_never_closes_takes_no_code_below_with_it() -> None:
    text = _UNINDENTED.replace("x)\n\n\ny", "x\n\n\ny")
    keys = [statement.key for _, statement in read(text).statements]
    assert keys[0] == "class A" and "def h" in keys and "code" in keys


@pytest.mark.parametrize("text", [cut[0] for cut in _CUTS.values()], ids=_CUTS)
def test_what_is_forgotten_is_cut_again_as_it_was(text: str) -> None:
    source = read(text)
    before = [(line, statement.key, statement.text) for line, statement in source.statements]
    assert [(line, each.key, each.text) for line, each in source.unread().statements] == before
