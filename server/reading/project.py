"""The index of a workspace: which files there are, what their names mean, and who uses whom. Immutable."""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import NamedTuple

from ..knowledge.stars import star_binds
from .definitions import CODE, Assigned, Definition, Found, Import, OneOf, Option, Several
from .file_facts import FileFacts
from .memory import ABSENT, Dependency, Memory, Rest
from .module_files import ModuleFiles
from .packages import lies_below, module_name
from .source import Source, Statement, read

_DEPTH = 24
# What is found out of all files, and holds nothing of their syntax trees.
_TEXT_ALONE = ("modules", "importers", "_users", "common", "_naming")
# Those of them that follow from what is imported.
_OF_IMPORTS = ("importers", "_users", "common")
# What this many files outside of its folder use is of use to all.
_MANY = 16


class Outline(NamedTuple):
    """What is left of what was read of the models in a statement.

    touched: the statements, (file, key), whose code they run or make modules in.
    rests_on: the names that this, and the same of the other models of the file, rests on.
    """

    touched: frozenset[tuple[str, str]]
    rests_on: Collection[Dependency]


class Project:
    """An immutable index of files. `updated` makes the next one and shares what did not change."""

    def __init__(self, root: str, files: Mapping[str, FileFacts], memory: Memory) -> None:
        self.root = root
        self.files = files
        self.memory = memory
        memory.newest = self
        # Whether no other index shares what was found out of all files, so that it can follow an edit.
        self._alone = True
        # How often what was read was given up.
        self.renewed = 0
        # Of statements, (file, key), that were read and given up.
        self.outlines: dict[tuple[str, str], Outline] = {}

    @classmethod
    def empty(cls, root: str) -> Project:
        """A workspace without files. root: absolute folder, with `/`."""
        return cls(root.rstrip("/"), {}, Memory())

    def fork(self) -> Project:
        """The same index for trying changes out: what is read of them leaves this one's memory alone."""
        newest = self.memory.newest is self
        forked = Project(self.root, dict(self.files), self.memory.copy() if newest else Memory())
        forked.__dict__.update({name: value for name, value in self.__dict__.items() if name not in forked.__dict__})
        self._alone = forked._alone = False
        return forked

    def unread(self, kept: Set[str] = frozenset(), *, final: bool = False) -> Project:
        """The same index with nothing read of its files: what this one's reading takes is free once it is let go.

        kept: files of which what was read stays, but for what rests on others. final: nobody will edit the files.
        """
        files = {path: facts if path in kept else facts.unread() for path, facts in self.files.items()}
        following = Project(self.root, files, self.memory.within(kept))
        for name in _TEXT_ALONE:
            if name in self.__dict__:
                following.__dict__[name] = self.__dict__[name]
        self._alone = following._alone = False
        following.renewed = self.renewed + 1
        following.outlines = {**self.outlines, **dict(self._outlined(final))}
        return following

    def _outlined(self, final: bool) -> Iterator[tuple[tuple[str, str], Outline]]:
        memory = self.memory
        touched: dict[str, dict[str, frozenset[tuple[str, str]]]] = {}
        read: dict[str, list[int]] = {}
        for key, models in memory.entries.items():
            # Where the class around the others is no model, it may run in models that hold an object of it.
            if key[0] != "models" or not models or models[0].parent is not None:
                continue
            keys = [(what, model, "") for model in models for what in ("trace", "built")]
            found = [memory.entries.get(each, ABSENT) for each in keys]
            if ABSENT not in found:
                path = models[0].path
                places = frozenset[tuple[str, str]]().union(*(each.touched for each in found if each is not None))
                touched.setdefault(path, {})[key[1].key] = places
                read.setdefault(path, []).extend(map(memory.number, (key, *keys)))
        for path, outlines in touched.items():
            # What the models of a file rest on is much the same: it is found out, and kept, once.
            rests_on = () if final else tuple(memory.names(read[path]))
            yield from (((path, key), Outline(places, rests_on)) for key, places in outlines.items())

    def let_go(self, kept: Set[str] = frozenset()) -> None:
        """Give up what was read of the files but these. It is in circles, slow to find: they are broken here."""
        for path, facts in self.files.items():
            if path not in kept:
                facts.let_go()
        self.memory.__dict__.clear()
        self.__dict__.clear()

    def prepare(self) -> None:
        """Find out who imports and names what, as every reading asks."""
        for facts in self.files.values():
            facts.prepare()
        for name in _TEXT_ALONE:
            getattr(self, name)

    def prepared(self) -> Project:
        """The same index with nothing read of its files but who imports and names what, as every reading asks."""
        files: dict[str, FileFacts] = {}
        for path, facts in self.files.items():
            read = FileFacts(path, facts.module, Source(facts.source.text))
            read.prepare()
            facts.take_imports(read.imports, read.star_imports)
            files[path] = read.unread()
            read.let_go()
        following = Project(self.root, files, Memory(self.memory.watched))
        following.prepare()
        return following

    def watch(self, path: str) -> None:
        """Expect edits of a file: what is read of it from now on is kept in more detail."""
        self.memory.watched.add(path)

    def unwatch(self, path: str) -> None:
        """Expect no more edits of a file."""
        self.memory.watched.discard(path)

    @property
    def paths(self) -> Iterable[str]:
        """The files it knows."""
        return self.files.keys()

    def text(self, path: str) -> str:
        """A file's text."""
        return self.files[path].source.text

    def updated(self, texts: Mapping[str, str | None]) -> Project:
        """The index with these files' texts; None removes a file."""
        files = self.files
        if self.memory.newest is self and all(text is not None and path in files for path, text in texts.items()):
            return self._edited({path: text for path, text in texts.items() if text is not None})
        files = dict(files)
        for path, text in texts.items():
            known = files.pop(path, None)
            if text is not None and known is not None:
                files[path] = known.after(read(text, known.source))
            elif text is not None:
                files[path] = FileFacts(path, "", read(text))
        packages = {posixpath.dirname(each) for each in files if each.endswith("/__init__.py")}
        # A package that comes or goes gives every file below it another name.
        changed = {posixpath.dirname(each) for each in texts if each.endswith("/__init__.py")}
        for path in [each for each in files if each in texts or (changed and lies_below(each, changed))]:
            name = module_name(path, self.root, packages)
            if name != files[path].module:
                files[path] = FileFacts(path, name, files[path].source)
        return Project(self.root, files, Memory(self.memory.watched))

    def _edited(self, texts: Mapping[str, str]) -> Project:
        """The next index, where no file comes or goes: what was read stays valid until a name it rests on changes."""
        changed: set[tuple[str, str]] = set()
        gone: set[Statement] = set()
        edited: list[tuple[Statement | None, Statement | None]] = []
        same_imports = True
        renamed: dict[str, set[str]] = {}
        before = {path: self.files[path] for path in texts}
        after = {path: known.after(read(texts[path], known.source)) for path, known in before.items()}
        for path, known in before.items():
            now = after[path]
            changed |= now.rebound(known)
            edited.extend(now.edited(known))
            changes = now.changes(known)
            gone.update(old for old, _ in changes if old is not None)
            renamed[path] = now.mentions_changed(known)
            # An import alone can change what a statement that stays as it is mentions.
            changed |= {("calls", name) for name in renamed[path]}
            if any(not (old or new).is_definition for old, new in changes):  # type: ignore[union-attr]
                same_imports = same_imports and self._imported_by(known) == self._imported_by(now)
        if not same_imports:
            # Who can call whom is another now.
            changed |= self.memory.callers()
        self.memory.forget(changed, gone)
        self.memory.follow(edited)
        files = self.files
        assert isinstance(files, dict)
        files.update(after)
        following = Project(self.root, files, self.memory)
        self.files = _Former(before, following)
        # Which file is which module is the same.
        kept = [name for name in _TEXT_ALONE if same_imports or name not in _OF_IMPORTS]
        following.__dict__.update((name, self.__dict__[name]) for name in kept if name in self.__dict__)
        following._alone = self._alone
        self.__dict__.pop("_naming", None)
        if any(renamed.values()) and "_naming" in following.__dict__:
            following._rename(renamed)
        return following

    @cached_property
    def modules(self) -> ModuleFiles:
        """Which file each module is."""
        return ModuleFiles(self.root, {path: facts.module for path, facts in self.files.items()})

    def find_module(self, dotted: str, importer: str) -> str | None:
        """The file of a module as seen from the file `importer`."""
        return self.modules.find(dotted, importer)

    def lookup(self, path: str, name: str, depth: int = 0, seen: set[Rest] | None = None) -> Found:
        """What a top-level name of a file is: a definition, an assignment, or a dotted name.

        A dotted name that is a file of the workspace is answered as `file:<path>`, another one as a library's.
        Every (path, name) the answer rests on is added to `seen`.
        """
        if seen is not None:
            seen.add((path, name))
        facts = self.files.get(path)
        if facts is None or depth > _DEPTH:
            return None
        binding = facts.lookup(name)
        if isinstance(binding, Import):
            return self.resolve(binding.target, path, depth + 1, seen)
        if isinstance(binding, Several):
            return self._one_of(facts, binding, depth, seen)
        if binding is not None:
            return binding
        if seen is not None:
            seen.add((path, "*"))
        for target in reversed(facts.star_imports):  # the last one counts
            module = self.find_module(target, path)
            if module is not None and module != path:
                found = self.lookup(module, name, depth + 1, seen)
                if found is not None:
                    return found
            elif module is None and star_binds(target, name):
                return f"{target}.{name}"
        return None

    def _one_of(self, facts: FileFacts, several: Several, depth: int, seen: set[Rest] | None) -> OneOf:
        options: list[Definition | Assigned | str] = []
        for each in several.options:
            found = self._meaning(facts, each, depth, seen)
            if isinstance(found, OneOf):
                options.extend(found.options)
            elif found is not None:
                options.append(found)
        return OneOf(tuple(options))

    def _meaning(self, facts: FileFacts, option: Option, depth: int, seen: set[Rest] | None) -> Found:
        if isinstance(option, str):
            return facts.definition(facts.source.by_key[option])
        if isinstance(option, Import):
            return self.resolve(option.target, facts.path, depth + 1, seen)
        if isinstance(option, Several):
            return self._one_of(facts, option, depth, seen)
        return option

    def lookup_beside(self, path: str, name: str, place: Statement, seen: set[Rest] | None = None) -> Found:
        """What a top-level name of a file is in a class or function in a compound statement of it."""
        facts = self.files.get(path)
        option = facts.decided_for(place).get(name) if facts is not None else None
        if facts is None or option is None:
            return self.lookup(path, name, seen=seen)
        if seen is not None:
            seen.update(((path, name), (path, CODE)))
        return self._meaning(facts, option, 0, seen)

    def resolve(self, dotted: str, importer: str, depth: int = 0, seen: set[Rest] | None = None) -> Found:
        """What a dotted name means in the file `importer`."""
        if depth > _DEPTH:
            return None
        module = self.find_module(dotted, importer)
        head, _, last = dotted.rpartition(".")
        if head:
            parent = self.find_module(head, importer)
            if parent is not None and (parent != importer or module is None):
                found = self.lookup(parent, last, depth + 1, seen)
                if found is not None:
                    return found
        if module is not None:
            return f"file:{module}"
        return dotted

    @cached_property
    def importers(self) -> Mapping[str, frozenset[str]]:
        """For each file, the files that import it or something from it."""
        users: dict[str, set[str]] = {}
        for path, facts in self.files.items():
            for module in self._imported_by(facts):
                users.setdefault(module, set()).add(path)
        return {path: frozenset(found) for path, found in users.items()}

    def take_importers(self, other: Project) -> None:
        """Take over which files import which, which are the same in another index."""
        for name in ("importers", "_users"):
            self.__dict__[name] = getattr(other, name)

    def _imported_by(self, facts: FileFacts) -> set[str]:
        """The files that a file imports, or imports something from."""
        found: set[str] = set()
        for name in {*facts.imports.values(), *facts.star_imports}:
            while name:
                module = self.find_module(name, facts.path)
                if module is not None:
                    found.add(module)
                    break
                name = name.rpartition(".")[0]
        return found

    @cached_property
    def _users(self) -> dict[str, dict[str, None]]:
        return {}

    def users(self, path: str) -> Collection[str]:
        """The files that import `path`, directly or through files that only pass names on."""
        known = self._users.get(path)
        if known is None:
            seen = {path}
            queue = [path]
            found: list[str] = []
            while queue:
                for user in sorted(self.importers.get(queue.pop(), ())):
                    if user not in seen:
                        seen.add(user)
                        found.append(user)
                        if user.endswith("/__init__.py"):
                            queue.append(user)
            known = self._users[path] = dict.fromkeys(found)
        return known

    @cached_property
    def common(self) -> frozenset[str]:
        """The files that many others use, all over the workspace."""
        outside = (
            (path, sum(posixpath.dirname(user) != posixpath.dirname(path) for user in self.users(path)))
            for path in self.files
        )
        return frozenset(path for path, count in outside if count >= _MANY)

    def is_used_in(self, path: str, package: str) -> bool:
        """Whether a file is of a package, or used outside of its own."""
        own = self.files[path].package
        return own == package or any(self.files[user].package != own for user in self.users(path))

    def naming(self, path: str, name: str) -> list[str]:
        """The file itself and the files that import from it in which a class or function names `name`."""
        users, anywhere = self.users(path), self._naming.get(name, ())
        if len(users) < len(anywhere):
            return sorted(each for each in {path, *users} if name in self.files[each].mentioned)
        return [each for each in anywhere if each == path or each in users]

    def is_registered_for(self, path: str, name: str) -> bool:
        """Whether a file, or one that it imports, registers AIMET's module of this name with quantsim."""
        reached = [each for each, facts in self.files.items() if name in facts.registered_with_aimet]
        seen = set(reached)
        while reached:
            more = self.importers.get(reached.pop(), frozenset()) - seen
            seen |= more
            reached.extend(more)
        return path in seen

    def handed_on(self, path: str, name: str) -> Iterator[tuple[str, str]]:
        """(file, target) of the imports that may get a top-level name of `path` from a file that imports it from there,
        where it may have another name.
        """
        users = {path, *self.users(path)}
        known = {name, *(other for user in users for other in self.files[user].called(name))}
        for each in sorted({each for user in users for each in self.importers.get(user, ())}):
            for wanted in sorted(known - {name} if each in users else known):
                for target in self.files[each].imported(wanted):
                    yield each, target

    def says(self, text: str) -> bool:
        """Whether a text without line ends stands in any file."""
        return any(facts.source.says(text) for facts in self.files.values())

    def mentions(self, path: str, name: str) -> Sequence[tuple[FileFacts, Statement]]:
        """The classes and functions that name `name`, in the file itself and in those that import from it."""
        known = self._mentions.get((path, name))
        if known is None:
            files = [self.files[each] for each in self.naming(path, name)]
            known = [(facts, statement) for facts in files for statement in facts.mentioning(name)]
            self._mentions[path, name] = known
        return known

    @cached_property
    def _mentions(self) -> dict[tuple[str, str], list[tuple[FileFacts, Statement]]]:
        return {}

    @cached_property
    def _naming(self) -> dict[str, list[str]]:
        """The files in which a class or function names each top-level name, sorted."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.files):
            for name in self.files[path].mentioned:
                found.setdefault(name, []).append(path)
        return found

    def _rename(self, renamed: Mapping[str, set[str]]) -> None:
        """Follow files that mention other names than before."""
        if not self._alone:
            self.__dict__["_naming"], self._alone = dict(self._naming), True
        found = self._naming
        for path, names in renamed.items():
            for name in names:
                paths = found.get(name, [])
                at = bisect_left(paths, path)
                there = paths[at : at + 1] == [path]
                found[name] = [
                    *paths[:at],
                    *([path] if name in self.files[path].mentioned else ()),
                    *paths[at + there :],
                ]

    def moved_since(self, earlier: Project) -> set[str]:
        """The files that use another file than in an earlier index, since files came, went or got another module name,
        and the files that they use now or used then.
        """
        files, before = self.files, earlier.files
        moved = {
            path for path in files.keys() | before.keys() if not _is_called_alike(files.get(path), before.get(path))
        }
        users = moved.union(*map(self.users, moved), *map(earlier.users, moved))
        found = set(users)
        for project in (self, earlier):
            for user in users & project.files.keys():
                found.update(project._used_by(project.files[user]))
        return found & files.keys()

    def dependents(self, path: str, earlier: FileFacts | None = None) -> set[str]:
        """Other files whose findings may differ after a change in `path`, which was `earlier` before."""
        found = set(self.users(path))
        for facts in (self.files.get(path), earlier):
            if facts is not None:
                found.update(self._used_by(facts))
        found.discard(path)
        return found

    def _used_by(self, facts: FileFacts) -> Iterator[str]:
        """The files of which a file may call something."""
        modules = [self.find_module(each, facts.path) for each in facts.star_imports]
        for target in facts.imports.values():
            found = self.resolve(target, facts.path)
            if isinstance(found, Definition):
                yield found.path
            elif isinstance(found, str) and found.startswith("file:"):
                modules.append(found[5:])
        for module in modules:
            if module is not None:
                yield module
                behind = (self.lookup(module, name) for name in facts.mentioned)
                yield from (each.path for each in behind if isinstance(each, Definition))


def _is_called_alike(one: FileFacts | None, other: FileFacts | None) -> bool:
    """Whether a file is there both times under the same module name."""
    return one is not None and other is not None and one.module == other.module


class _Former(Mapping[str, FileFacts]):
    """The files of an index that was edited since, told by what the next ones replaced: a copy of all files at each
    keystroke would cost more than the edit.
    """

    def __init__(self, replaced: Mapping[str, FileFacts], following: Project) -> None:
        self._replaced = replaced
        self._following = following

    def __getitem__(self, path: str) -> FileFacts:
        files: Mapping[str, FileFacts] = self
        while isinstance(files, _Former):
            known = files._replaced.get(path)
            if known is not None:
                return known
            files = files._following.files
        return files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._following.paths)

    def __len__(self) -> int:
        return len(self._following.files)
