"""What a file binds its names to: what its statements do one after another, some of them only under conditions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping

from .definitions import Assigned, Binding, Import, Option, Several
from .source import Statement

Names = dict[str, Binding]


def bound_in_turn(
    statements: Iterable[Statement], bound_by: Callable[[Statement], Names]
) -> tuple[Names, dict[str, Mapping[str, Option]]]:
    """The names that the statements of a file bind, to the last of each; and for each class and function in a compound
    statement, by its key, those that its clause decides: where it is run, no other clause is.

    bound_by: those that a run of code binds. Classes and functions in a compound statement are bound where its clauses
    choose them.
    """
    names: Names = {}
    around: list[_Compound] = []
    clauses: list[tuple[str, _Compound, Names]] = []
    # The outermost compound statement that bound a name last, where one did.
    bound_last: dict[str, _Compound] = {}
    for statement in statements:
        while around and around[-1].ends_above(statement):
            _close(around, bound_last)
        if statement.is_clause or statement.continues:
            word = statement.text[len(statement.indent) :]
            if not statement.continues:
                around.append(_Compound(len(statement.indent), around[-1].names if around else names, word))
            elif around:
                around[-1].go_on(word)
        bound: Names = {statement.name: statement} if statement.is_definition else {}
        if not statement.is_definition and not statement.is_clause:
            bound = bound_by(statement)
        names_here = around[-1].names if around else names
        names_here.update(bound)
        if names_here is names:
            for name in bound:
                bound_last.pop(name, None)
        elif statement.is_definition and around[0].names is not names:
            clauses.append((statement.key, around[0], around[0].names))
    while around:
        _close(around, bound_last)
    decided: dict[int, Mapping[str, Option]] = {}
    for _, compound, clause in clauses:
        if id(clause) not in decided:
            decided[id(clause)] = {
                name: each.key if isinstance(each, Statement) else each
                for name, each in compound.bound_in(clause).items()
                if bound_last.get(name) is compound and names[name] is not each
            }
    return names, {key: decided[id(clause)] for key, _, clause in clauses}


def _close(around: list[_Compound], bound_last: dict[str, _Compound]) -> None:
    compound = around.pop()
    compound.close()
    if not around:
        bound_last.update(dict.fromkeys(compound.bound, compound))


class _Compound:
    """A compound statement that is being gone through."""

    def __init__(self, indent: int, outer: Names, word: str) -> None:
        self.indent = indent
        self.names: Names = {}
        self.bound: dict[str, None] = {}
        self._outer = outer
        self._clauses = [self.names]
        self._tries = word.startswith("try")
        self._whole = word.startswith(("with", "async with"))
        self._loops = word.startswith(("for", "while", "async for"))

    def ends_above(self, statement: Statement) -> bool:
        """Whether a statement is no part of it."""
        indent = len(statement.indent)
        return self.indent > indent or (self.indent == indent and not statement.continues)

    def bound_in(self, clause: Names) -> Names:
        """What one of its clauses binds. What a value is in the last round of a loop, the text does not tell."""
        if not self._loops:
            return clause
        return {name: each for name, each in clause.items() if not isinstance(each, Assigned)}

    def go_on(self, word: str) -> None:
        """Its next clause begins."""
        if word.startswith("finally"):
            self.close()
            self.names, self._clauses, self.bound = self._outer, [], {}
        elif word.startswith("else") and self._tries:
            self.names = self._clauses[0]  # goes on where the first clause ends
        else:
            self._whole = self._whole or word.startswith("else")
            self.names = {}
            self._clauses.append(self.names)

    def close(self) -> None:
        """Bind what its clauses bind."""
        clauses = [self.bound_in(clause) for clause in self._clauses]
        bind(self._outer, clauses, self._whole or self._tries)
        self.bound.update((name, None) for clause in clauses for name in clause)


def bind(names: Names, clauses: list[Names], whole: bool) -> None:
    """Bind what clauses bind of which one is run; of an import or a value the first counts.

    `try: import x` is not hidden by `except ImportError: x = None`. whole: one of them is run for sure.
    """
    for name in {name: None for clause in clauses for name in clause}:
        found = [clause[name] for clause in clauses if name in clause]
        before = names.get(name)
        if before is not None and not (whole and len(found) == len(clauses)):
            found.append(before)
        names[name] = _chosen(found)


def _chosen(found: list[Binding]) -> Binding:
    """What clauses bind a name to: all of it where the first is a class or function; a constant says there is none."""
    if not isinstance(found[0], (Statement, Several)):
        return found[0]
    options: dict[Import | Assigned | str, None] = {}
    for each in found:
        if isinstance(each, Several):
            options.update(dict.fromkeys(each.options))
        elif isinstance(each, Statement):
            options[each.key] = None
        elif isinstance(each, Import) or not isinstance(each.value, ast.Constant):
            options[each] = None
    return Several(tuple(options)) if len(options) > 1 else found[0]


def is_same(one: Binding | None, two: Binding | None) -> bool:
    """Whether two bindings of a name mean the same, at the same place of their statement."""
    if one is two:
        return True
    if isinstance(one, Import):
        return one == two
    if isinstance(one, Several) and isinstance(two, Several):
        return len(one.options) == len(two.options) and all(map(_is_same_option, one.options, two.options))
    if isinstance(one, Assigned) and isinstance(two, Assigned):
        if one.value is two.value and one.index == two.index:
            return True
        return (
            (one.statement.key, one.index) == (two.statement.key, two.index)
            and one.statement.span(one.value) == two.statement.span(two.value)
            and one.statement.source(one.value) == two.statement.source(two.value)
        )
    return False


def _is_same_option(one: Import | Assigned | str, two: Import | Assigned | str) -> bool:
    if isinstance(one, str) or isinstance(two, str):
        return one == two
    return is_same(one, two)


def bind_target(path: str, statement: Statement, target: ast.expr, value: ast.expr, names: Names) -> None:
    """Bind what an assignment assigns to."""
    if isinstance(target, ast.Name):
        names[target.id] = Assigned(path, statement, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for index, element in enumerate(target.elts):
            if isinstance(element, ast.Name):
                names[element.id] = Assigned(path, statement, value, index)
