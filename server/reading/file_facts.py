"""Files as other files see them: what they bind at their top level, import, mention and say of each other."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from . import callers
from .definitions import CODE, Assigned, Binding, Definition, Import, Option, Several
from .packages import package_of
from .scope import Names, bind, bind_target, bound_in_turn, is_same
from .source import Source, Statement

_REGISTERED = re.compile(r"QuantizationMixin\.(?:implements|ignore)\(\s*(?:\w+\.)*(\w+)\s*\)")


def _mentioned(dotted: Iterable[str], names: frozenset[str]) -> frozenset[str]:
    """Those of a file's names that stand in a text, and what it reaches through them (`utils.Block`), or through
    another name where it looks like a class (`self.blocks.Block`): the object may be what the file imports.

    dotted: the identifiers in the text, those joined by dots together.
    """
    found = set(names.intersection(dotted))
    for each in [each for each in dotted if "." in each]:
        head, *tail = each.split(".")
        if head in names:
            found.add(head)
            found.update(tail)
        else:
            found.update(part for part in tail if part in names or part[0].isupper())
    return frozenset(found)


_NOTHING: Mapping[str, Option] = MappingProxyType({})

# What is found out of a file, and holds nothing of its syntax trees.
_TEXT_ALONE = ("imports", "renamed", "star_imports", "registered_with_aimet", "_mentions")


@dataclass(frozen=True, eq=False)
class FileFacts:
    """One file as other files see it: its statements and the names bound at its top level.

    path: absolute, with `/`. module: its dotted name where it lies in a package, else its stem.
    """

    path: str
    module: str
    source: Source

    @property
    def package(self) -> str:
        """The folder of the outermost package that it lies in, or its own folder."""
        return package_of(self.path, self.module)

    def prepare(self) -> None:
        """Find out what every index of it asks: what it imports and mentions."""
        _ = self.imports, self.star_imports, self.mentioned  # and with them what is imported under another name

    def unread(self) -> FileFacts:
        """The same file with nothing read of it but what strings hold."""
        if not self.source.is_read:
            return self
        following = FileFacts(self.path, self.module, self.source.unread())
        for name in _TEXT_ALONE:
            if name in self.__dict__:
                following.__dict__[name] = self.__dict__[name]
        return following

    def let_go(self) -> None:
        """Give up what was read of the file; it is of no use any more. What nobody read stays."""
        if self.source.is_read:
            for _, statement in self.source.statements:
                for known in statement.memo.values():
                    if isinstance(known, Definition):
                        known.let_go()
                statement.memo.clear()
            self.__dict__.clear()

    def after(self, source: Source) -> FileFacts:
        """The file with an edited text. What an edit inside classes and functions leaves alone is taken over."""
        following = FileFacts(self.path, self.module, source)
        replaced = source.replaced(self.source)
        known = self.__dict__
        if replaced is not None and "scope" in known and all(new.is_definition for _, new in replaced):
            scope = dict(self.scope)
            for old, new in replaced:
                if scope.get(new.name) is old:
                    scope[new.name] = new
            following.__dict__["scope"] = scope
            for name in ("names", "star_imports", "imports", "renamed", "_called", "_imported", "_beside"):
                if name in known:
                    following.__dict__[name] = known[name]
            if "by_key" in self.source.__dict__:
                changed = {new.key: new for _, new in replaced}
                source.__dict__["by_key"] = {**self.source.by_key, **changed}
            if "_mentions" in known:
                following.__dict__["_mentions"] = self._mentions_after(source, replaced)
        return following

    @cached_property
    def code(self) -> tuple[Statement, ...]:
        """Its statements that are no class or function, a run of them at a time."""
        return tuple(statement for _, statement in self.source.statements if not statement.is_definition)

    @cached_property
    def scope(self) -> dict[str, Binding]:
        """What each top-level name is bound to; the last binding counts, of clauses the first."""
        return self._bound[0]

    @cached_property
    def _beside(self) -> Mapping[str, Mapping[str, Option]]:
        return self._bound[1]

    def decided_for(self, statement: Statement) -> Mapping[str, Option]:
        """What names mean in a class or function in a compound statement: those that its clause decides."""
        return self._beside.get(statement.key, _NOTHING) if statement.indent else _NOTHING

    @cached_property
    def _bound(self) -> tuple[Names, dict[str, Mapping[str, Option]]]:
        return bound_in_turn((statement for _, statement in self.source.statements), self._bound_by)

    def _bound_by(self, statement: Statement) -> Names:
        """The names a run of statements binds."""
        key = ("bound", self.path, self.module)
        known = statement.memo.get(key)
        if known is None:
            known = {}
            self._bind_all(statement, statement.body, known)
            statement.memo[key] = known
        return known  # type: ignore[return-value]

    @cached_property
    def _mentions(self) -> dict[str, list[str]]:
        """For each top-level name, and each name behind one (`utils.Block`), the keys of the definitions with it."""
        found: dict[str, list[str]] = {}
        for _, statement in self.source.statements:
            if statement.is_definition:
                for name in self._mentioned_in(statement):
                    found.setdefault(name, []).append(statement.key)
        return found

    def _mentioned_in(self, statement: Statement) -> frozenset[str]:
        names = self.names
        known = statement.memo.get("mentions")
        if known is None or known[0] is not names:  # type: ignore[index]
            known = statement.memo["mentions"] = (names, self._named(callers.dotted_names(statement)))
        return known[1]  # type: ignore[index,no-any-return]

    def _named(self, dotted: Iterable[str]) -> frozenset[str]:
        """Those of the file's names in a text; of one that is imported under another name both."""
        found = _mentioned(dotted, self.names)
        return found.union(self.renamed[name] for name in found & self.renamed.keys())

    def _mentions_after(self, source: Source, replaced: list[tuple[Statement, Statement]]) -> dict[str, list[str]]:
        """The mentions once statements have taken the place of others."""
        found = self._mentions
        for old, new in replaced:
            gone, added = callers.follow(old, new)
            if not _mentioned(gone, self.names):
                new.memo["mentions"] = (self.names, self._mentioned_in(old) | self._named(added))
            before, now = self._mentioned_in(old), self._mentioned_in(new)
            if before == now:
                continue
            found = dict(found)
            for name in before - now:
                found[name] = [key for key in found[name] if key != new.key]
                if not found[name]:
                    del found[name]
            for name in now - before:
                there = {*found.get(name, ()), new.key}
                found[name] = [each.key for _, each in source.statements if each.key in there]
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """The names bound at the top level."""
        return frozenset(self.scope)

    @property
    def mentioned(self) -> Set[str]:
        """The top-level names, and names behind one, that some class or function of the file has in its text."""
        return self._mentions.keys()

    def mentions_changed(self, other: FileFacts) -> set[str]:
        """The names that the file mentions and an earlier version of it does not, or the other way round."""
        replaced = self.source.replaced(other.source)
        if replaced is None or self.names is not other.names:
            return set(self.mentioned ^ other.mentioned)
        differing: set[str] = set()
        for old, new in replaced:
            if new.is_definition:
                differing |= self._mentioned_in(old) ^ self._mentioned_in(new)
        return {name for name in differing if (name in self.mentioned) is not (name in other.mentioned)}

    def mentioned_elsewhere(self, other: FileFacts) -> set[str]:
        """The names that others mention than in an earlier version of the file, or in another order."""
        mine, others = self._mentions, other._mentions
        if mine is others:
            return set()
        return {name for name in mine.keys() | others.keys() if mine.get(name) != others.get(name)}

    def mentioning(self, name: str) -> list[Statement]:
        """The classes and functions of the file whose text has a top-level name."""
        return [self.source.by_key[key] for key in self._mentions.get(name, ())]

    @cached_property
    def registered_with_aimet(self) -> frozenset[str]:
        """The names of the classes that the file registers with AIMET's quantsim, or excludes from it."""
        known = self.source.says("QuantizationMixin")
        return frozenset(_REGISTERED.findall(self.source.text) if known else ())

    @property
    def _told_quantsim(self) -> frozenset[str]:
        """The names about which the file says something to quantsim."""
        every = "ignore_unknown_modules"
        return self.registered_with_aimet.union([every] if self.source.says(every) else ())

    @cached_property
    def star_imports(self) -> tuple[str, ...]:
        """The modules whose names are all imported."""
        return tuple(
            self.absolute(node)
            for statement in self.code
            for node in _imported_from(statement.body)
            if node.names[0].name == "*"
        )

    def take_imports(self, imports: dict[str, str], star_imports: tuple[str, ...]) -> None:
        """Take over what was found before that this very text imports under this module name."""
        self.__dict__.setdefault("imports", imports)
        self.__dict__.setdefault("star_imports", star_imports)

    @property
    def known_imports(self) -> tuple[dict[str, str], tuple[str, ...]] | None:
        """What `take_imports` takes; None where nobody asked for it."""
        known = self.__dict__
        return (known["imports"], known["star_imports"]) if "imports" in known and "star_imports" in known else None

    @cached_property
    def imports(self) -> dict[str, str]:
        """The top-level names bound by imports, with their dotted targets."""
        return {name: binding.target for name, binding in self.scope.items() if isinstance(binding, Import)}

    @cached_property
    def renamed(self) -> dict[str, str]:
        """What is imported under another name: that name, and the one it has where it comes from."""
        origins = ((name, target.rpartition(".")[2]) for name, target in self.imports.items())
        return {name: origin for name, origin in origins if name != origin}

    @cached_property
    def importing(self) -> tuple[Statement, ...]:
        """The classes and functions that may mention names which the file does not show: they import some themselves,
        or the file imports all of a module's.
        """
        every = (statement for _, statement in self.source.statements if statement.is_definition)
        return tuple(each for each in every if self.star_imports or "import" in each.text)

    @cached_property
    def _called(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for other, origin in self.renamed.items():
            found.setdefault(origin, []).append(other)
        return found

    def called(self, name: str) -> Sequence[str]:
        """The other names under which the file may have something of this name."""
        return self._called.get(name, ())

    @cached_property
    def _imported(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for target in self.imports.values():
            found.setdefault(target.rpartition(".")[2], []).append(target)
        return found

    def imported(self, name: str) -> Sequence[str]:
        """The dotted names ending in this one that the file imports."""
        return self._imported.get(name, ())

    def lookup(self, name: str) -> Import | Definition | Assigned | Several | None:
        """What a top-level name is bound to."""
        binding = self.scope.get(name)
        return self.definition(binding) if isinstance(binding, Statement) else binding

    def differences(self, other: FileFacts) -> set[tuple[str, str]]:
        """Everything others may read differently than in an earlier version of the file.

        What `rebound` gives, and ("calls", name) for each name about which an edited statement says something else:
        who calls whom may be another now.
        """
        said = {("calls", name) for old, new in self.edited(other) for name in callers.changed_names(old, new)}
        return self.rebound(other) | said

    def rebound(self, other: FileFacts) -> set[tuple[str, str]]:
        """The names bound differently than in an earlier version of the file.

        A (path, name) for each name; (path, "*") where star imports changed; (path, CODE) where code did that is no
        class or function; and ("calls", name) for what that says to quantsim of a name.
        """
        replaced = self.source.replaced(other.source)
        if replaced is not None and self.names is other.names and all(new.is_definition for _, new in replaced):
            return {(self.path, new.name) for _, new in replaced}
        mine, others = self.scope, other.scope
        names = mine.keys() | others.keys()
        changed = {(self.path, name) for name in names if not is_same(mine.get(name), others.get(name))}
        # Of those that one name has, who asks who mentions something may have read any.
        changed.update((self.path, each.name) for pair in self.edited(other) for each in pair if each is not None)
        if self.star_imports != other.star_imports:
            changed.add((self.path, "*"))
        if self.names == other.names and self.renamed == other.renamed:
            # What statements mention then stays known.
            self.__dict__["names"] = other.names
        if replaced is None and any(each.source.has_blocks for each in (self, other)):
            changed.add((self.path, CODE))  # a class may be in another clause
        if any(not (old or new).is_definition for old, new in self.changes(other)):  # type: ignore[union-attr]
            changed.add((self.path, CODE))
            changed.update(("calls", name) for name in self._told_quantsim ^ other._told_quantsim)
        return changed

    def changes(self, other: FileFacts) -> list[tuple[Statement | None, Statement | None]]:
        """The statements that are not as in an earlier version of the file: (earlier, now)."""
        replaced = self.source.replaced(other.source)
        if replaced is not None:
            return list(replaced)
        before, after = other.source.by_key, self.source.by_key
        pairs = [(before.get(key), after.get(key)) for key in {**before, **after}]
        return [(old, new) for old, new in pairs if old is not new]

    def edited(self, other: FileFacts) -> list[tuple[Statement | None, Statement | None]]:
        """The classes and functions that are not as in an earlier version of the file: (earlier, now)."""
        return [(old, new) for old, new in self.changes(other) if (old or new).is_definition]  # type: ignore[union-attr]

    def definition(self, statement: Statement) -> Definition | None:
        """The class or function that a statement is, or was when it last parsed."""
        statement = statement.good
        known = statement.memo.get(self.path)
        if known is None:
            for node in statement.body:
                if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                    known = Definition(self.path, statement, node, node.name)
            statement.memo[self.path] = known
        return known if isinstance(known, Definition) else None

    def absolute(self, node: ast.ImportFrom) -> str:
        """The dotted name of the module an import names, relative ones resolved."""
        if not node.level:
            return node.module or ""
        parts = self.module.split(".")
        if posixpath.basename(self.path) != "__init__.py":
            parts = parts[:-1]
        parts = parts[: len(parts) - (node.level - 1)]
        return ".".join([*parts, *([node.module] if node.module else [])])

    def _bind_all(self, statement: Statement, body: list[ast.stmt], names: Names) -> None:
        for node in body:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    names[name] = Import(alias.name if alias.asname else name)
            elif isinstance(node, ast.ImportFrom):
                module = self.absolute(node)
                for alias in node.names:
                    if alias.name != "*":
                        names[alias.asname or alias.name] = Import(f"{module}.{alias.name}" if module else alias.name)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    bind_target(self.path, statement, target, node.value, names)
            elif isinstance(node, ast.AnnAssign):
                if node.value is not None:
                    bind_target(self.path, statement, node.target, node.value, names)
            elif isinstance(node, (ast.If, ast.Try, ast.With)):
                clauses = [node.body]
                if isinstance(node, ast.If):
                    clauses = [node.body, node.orelse]
                elif isinstance(node, ast.Try):
                    clauses = [[*node.body, *node.orelse], *(handler.body for handler in node.handlers)]
                bound: list[Names] = [{} for _ in clauses]
                for clause, bound_there in zip(clauses, bound):
                    self._bind_all(statement, clause, bound_there)
                bind(names, bound, whole=True)
                self._bind_all(statement, getattr(node, "finalbody", []), names)
            elif isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                names[node.name] = Several(())  # in what cannot be cut into statements


def _imported_from(body: list[ast.stmt]) -> Iterator[ast.ImportFrom]:
    """The `from` imports in statements and in their blocks that are run, those of the first clause, which counts most,
    last.
    """
    for node in body:
        if isinstance(node, ast.ImportFrom):
            yield node
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            for handler in getattr(node, "handlers", []):
                yield from _imported_from(handler.body)
            yield from _imported_from(getattr(node, "orelse", []))
            if not (isinstance(node, ast.If) and _is_for_types(node.test)):
                yield from _imported_from(node.body)
            yield from _imported_from(getattr(node, "finalbody", []))


def _is_for_types(test: ast.expr) -> bool:
    """Whether what stands under this condition is not run: `if TYPE_CHECKING:`."""
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))
