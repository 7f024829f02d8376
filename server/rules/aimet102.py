"""AIMET102 reused-module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import (
    Change,
    Draft,
    NewModule,
    Note,
    Repair,
    ReplaceCallee,
    Safety,
    Severity,
    Spot,
    Step,
)
from ..knowledge.modules import ModuleClass, module_class
from ..reading.definitions import Definition
from ..reading.syntax import statements_below
from ..reading.values import Module
from . import lists, repeats, support
from .base import Case, Rule
from .state import is_carried_over, is_stateless

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Reuse, Unit
    from ..reading.index import Index

_HEAD = "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"


class ReusedModule(Rule):
    """One module instance is used more than once.

    ## What it does

    Reports the second use of a module: a second call, a call in a loop, a call in a helper that runs twice, a second
    attribute for the same instance, or one instance put twice into a container. Uses in branches that exclude each
    other are one use.

    ## Why AIMET needs it

    The guideline says: "Modules defined in the class definition should only be used once. If any modules are being
    reused, instead define a new identical module in the class definition." AIMET drops the quantizers of a reused
    activation, batch-norm folding into a reused convolution changes the output, and QuantizationSimModel raises
    `KeyError` where one instance has two names.

    ## Example

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 8, 3)
            self.conv2 = nn.Conv2d(8, 8, 3)
            self.relu = nn.ReLU()

        def forward(self, x):
            x = self.relu(self.conv1(x))
            return self.relu(self.conv2(x))
    ```

    ## Use instead

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 8, 3)
            self.conv2 = nn.Conv2d(8, 8, 3)
            self.relu = nn.ReLU()
            self.relu2 = nn.ReLU()

        def forward(self, x):
            x = self.relu(self.conv1(x))
            return self.relu2(self.conv2(x))
    ```

    ## Fix safety

    Safe for modules without parameters and buffers: an identical second instance computes the same. Unsafe for all
    others, since the two uses then no longer share weights; the title says so. No repair is offered where the
    instance is made outside the class, or where a helper that runs several times calls it.
    """

    code = "AIMET102"
    name = "reused-module"
    cases = (
        Case(
            "an activation called twice",
            _HEAD + "        self.fc = nn.Linear(4, 4)\n        self.relu = nn.ReLU()\n\n    def forward(self, x):\n"
            "        x = self.relu(x)\n        return self.relu(self.fc(x))\n",
            (12,),
            _HEAD
            + "        self.fc = nn.Linear(4, 4)\n        self.relu = nn.ReLU()\n        self.relu2 = nn.ReLU()\n\n"
            "    def forward(self, x):\n        x = self.relu(x)\n        return self.relu2(self.fc(x))\n",
        ),
        Case(
            "branches that exclude each other",
            _HEAD + "        self.wide = True\n        self.relu = nn.ReLU()\n\n    def forward(self, x, flag):\n"
            "        if flag:\n            return self.relu(x)\n        return self.relu(x + 1)\n",
        ),
        Case(
            "one instance twice in a Sequential",
            _HEAD + "        act = nn.ReLU()\n"
            "        self.body = nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act)\n\n"
            "    def forward(self, x):\n        return self.body(x)\n",
            (8,),
            _HEAD + "        act = nn.ReLU()\n"
            "        self.body = nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), nn.ReLU())\n\n"
            "    def forward(self, x):\n        return self.body(x)\n",
        ),
        Case(
            "a shared convolution",
            _HEAD + "        self.conv = nn.Conv2d(8, 8, 3)\n\n    def forward(self, x):\n"
            "        return self.conv(self.conv(x))\n",
            (10,),
            _HEAD + "        self.conv = nn.Conv2d(8, 8, 3)\n        self.conv2 = nn.Conv2d(8, 8, 3)\n\n"
            "    def forward(self, x):\n        return self.conv2(self.conv(x))\n",
            unsafe=True,
        ),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """The reuses of one statement, one finding for each place."""
        by_place: dict[int, list[Reuse]] = {}
        for reuse in unit.reuses:
            by_place.setdefault(id(reuse.second.callee), []).append(reuse)
        for reuses in by_place.values():
            known = [r for r in reuses if r.second.module.cls or r.second.module.definition]
            if known:
                yield _draft(self, unit, reuses)


def _draft(rule: Rule, unit: Unit, reuses: list[Reuse]) -> Draft:
    reuse = max(reuses, key=lambda each: _rank(unit.index, each.second.module))
    module, second = reuse.second.module, reuse.second
    written = " ".join(ast.unparse(second.callee).split())
    written = written if len(written) < 40 else module.name or "the module"
    parts = repeats.parts_used_before(reuse)
    stateless = all(
        is_stateless(unit.index, each)
        for one in reuses
        for each in repeats.parts_used_before(one) or [one.second.module]
    )
    severity = _severity(unit, reuse, rule.severity)
    repairs, reason = _repairs(unit, reuse, stateless)
    how = "part" if parts and reuse.how == "call" else reuse.how
    message = f"{_HOW[how].format(written)}: {_consequence(unit, reuse, stateless, severity)}."
    if reason and not repairs:
        message += f" No repair is offered: {reason}."
    notes = []
    origin = module.origin
    if origin is not None and origin.statement is not None:
        notes.append(Note(Spot(origin.path, origin.key, origin.statement.span(origin.node)), "The module is made here"))
    if reuse.first is not reuse.second:
        notes.append(Note(reuse.first.site.spot(reuse.first.callee), "It is first used here"))
    return Draft(rule.code, second.site.spot(second.callee), message, severity, written, repairs, tuple(notes))


_HOW = {
    "call": "`{}` is used a second time",
    "part": "`{}` runs a module that is used before",
    "helper": "`{}` is used again each time this helper runs",
    "loop": "`{}` is used in every round of a loop",
    "name": "`{}` is a second name for the same module",
    "container": "The same module stands twice in a container",
    "parents": "`{}` is given to a second submodule",
}


def _rank(index: Index, module: Module) -> int:
    known = _known(module)
    if known is not None and (known.dropout or known.identity):
        return 0
    return 1 if is_stateless(index, module) else 2


def _known(module: Module) -> ModuleClass | None:
    return module_class(module.cls) if module.cls is not None else None


def _consequence(unit: Unit, reuse: Reuse, stateless: bool, severity: Severity) -> str:
    known = _known(reuse.second.module)
    if reuse.how == "name":
        return "QuantizationSimModel raises KeyError for an instance with two names"
    if known is not None and (known.dropout or known.identity):
        return "AIMET's model validator asks for one instance per use"
    if stateless:
        return "AIMET drops the quantizers of a module that is used more than once"
    if severity is Severity.ERROR:
        return "folding the batch norms around a shared convolution changes the model's output"
    return "AIMET cannot give its two uses quantizers of their own, and leaves it out of cross-layer equalization"


_DROPS_PATHS = re.compile(r"Drop|StochasticDepth")


def _severity(unit: Unit, reuse: Reuse, default: Severity) -> Severity:
    module = reuse.second.module
    known = _known(module)
    if reuse.how == "name" and not module.guess:
        return Severity.ERROR
    if known is not None and (known.dropout or known.identity):
        return Severity.INFORMATION
    if module.definition is not None and _DROPS_PATHS.search(module.definition.simple_name):
        return Severity.INFORMATION
    if known is not None and known.convolution and reuse.how != "container":
        trace = unit.index.trace(reuse.second.site.model)
        if trace is not None and any((k := _known(use.module)) is not None and k.batch_norm for use in trace.uses):
            return Severity.ERROR
    return default


# Repairs


def _repairs(unit: Unit, reuse: Reuse, stateless: bool) -> tuple[tuple[Repair, ...], str]:
    if reuse.how == "helper":
        return (), "the helper runs several times; give it the module to use as a parameter"
    kept = next((each for each in _repeated(reuse) if is_carried_over(unit.index, each)), None)
    if kept is not None:
        return (), f"`{kept.simple_name}` keeps values from one use for the next"
    steps, reason, what = _steps(unit, reuse, stateless)
    if steps is None:
        return (), reason
    doubt = reason
    if not stateless:
        doubt = "the two uses no longer share weights" if _parametric(reuse) else "it may hold weights that were shared"
    title = f"{what} (unsafe: {doubt})" if doubt else what
    safety = Safety.UNSAFE if doubt else Safety.SAFE
    return (Repair(title, safety, (Change(unit.path, unit.statement.key, steps),)),), ""


def _repeated(reuse: Reuse) -> list[Definition]:
    """The classes of the workspace of which there would be another instance."""
    modules = repeats.parts_used_before(reuse) or [reuse.second.module, *repeats.held(reuse.second.module)]
    return [each.definition for each in modules if each.definition is not None]


def _parametric(reuse: Reuse) -> bool:
    for module in repeats.parts_used_before(reuse) or [reuse.second.module]:
        known = _known(module)
        if not module.guess and known is not None and known.parametric:
            return True
    return False


def _steps(unit: Unit, reuse: Reuse, stateless: bool) -> tuple[tuple[Step, ...] | None, str, str]:
    """(steps, what may change or why there are none, title)."""
    if reuse.how in ("container", "name", "parents"):
        return repeats.new_element(unit, reuse)
    use = reuse.second
    owner = use.site.owner
    if owner is None or unit.model_of(owner) is None:
        return None, "it stands outside the class that owns the module", ""
    attribute = support.attribute_of(use.callee)
    if attribute is None:
        return None, "only a module that is an attribute of `self` can be repeated", ""
    place = support.registration(unit.index, owner)
    if place.owner is None:
        return None, place.reason, ""
    each_of = None
    if reuse.how == "loop":
        each_of = lists.walked(unit.index, owner, use.loop) if not use.nested else None
        if each_of is None:
            why = "the loop stands in another" if use.nested else _why_no_list(use.loop)
            return None, f"{why}; make a ModuleList with one for each round", ""
    copy = _definition_of(unit, owner, attribute)
    parts = repeats.parts_used_before(reuse) if reuse.how == "call" else []
    if parts:
        return repeats.new_parts(unit, owner, copy, parts)
    if not isinstance(copy, str) and any(repeats.is_made_apart(owner, copy, each) for each in repeats.held(use.module)):
        return None, repeats.ELSEWHERE, ""
    taken = support.taken_names(unit.index, owner)
    if isinstance(copy, str):
        always = _is_always(unit.index, owner, attribute, use.module)
        made = _made_from_constants(use.module) if always else None
        if made is None and always and stateless and _made_by_base(unit.index, owner, use.module):
            made = "copy.deepcopy", (f"self.{attribute}",)
        if made is None or repeats.is_changed(_sources(unit.index, owner), rf"\w+\.{attribute}"):
            return None, copy, ""
        module = NewModule(owner.name, attribute, made[0], made[1], taken=taken | {attribute}, each_of=each_of)
    else:
        module = NewModule(
            owner.name,
            attribute,
            copy_of=unit.statement.span(copy),
            beside=attribute,
            taken=taken | {attribute},
            each_of=each_of,
        )
    title = f"Define a second, identical module for this use of `self.{attribute}`"
    if each_of is not None:
        title = f"Define one `{attribute}` for each of `self.{each_of}`"
    return (ReplaceCallee(unit.statement.span(use.callee), module),), place.reason, title


def _why_no_list(loop: ast.AST | None) -> str:
    """Why there is no list with a module for each round of a loop that walks none."""
    walked = loop.iter if isinstance(loop, (ast.For, ast.comprehension)) else None
    if isinstance(loop, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
        walked = loop.generators[0].iter
    counted = isinstance(walked, (ast.List, ast.Tuple)) or (
        isinstance(walked, ast.Call)
        and isinstance(walked.func, ast.Name)
        and walked.func.id == "range"
        and all(isinstance(each, ast.Constant) for each in walked.args)
    )
    return "each round needs a module of its own" if counted else "the text does not say how often the loop runs"


def _definition_of(unit: Unit, owner: Definition, attribute: str) -> ast.expr | str:
    """The expression that makes `self.<attribute>` in the owner's `__init__`, or why it cannot be repeated."""
    method = owner.method("__init__")
    found = _assigned(method.node, attribute) if method is not None else []
    if len(found) != 1:
        return "it is defined in several places" if found else "it is defined in another class"
    value = found[0]
    if not all(isinstance(part, ast.Call) or _is_none(part) for part in _results(value)):
        return "the instance is passed in or made elsewhere"
    if repeats.is_changed(_sources(unit.index, owner), rf"\w+\.{attribute}"):
        return "it is changed after it is made"
    if repeats.EFFECTS.search(unit.source(value)):
        return "the expression that makes it cannot be run twice"
    return value


def _results(value: ast.expr) -> Iterator[ast.expr]:
    """The expressions one of which is the value: both sides of `a if c else b` and `a or b`."""
    if isinstance(value, ast.IfExp):
        yield from _results(value.body)
        yield from _results(value.orelse)
    elif isinstance(value, ast.BoolOp):
        for part in value.values:
            yield from _results(part)
    else:
        yield value


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _sources(index: Index, owner: Definition) -> list[str]:
    classes = [each for each in index.order(owner) if isinstance(each, Definition)]
    classes.extend(support.subclasses(index, owner))
    return [each.statement.source(each.node) for each in classes]


def _assigned(root: ast.AST, attribute: str) -> list[ast.expr]:
    """What is assigned to `self.<attribute>` in a class or function."""
    found: list[ast.expr] = []
    for node in statements_below([root]):
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(support.attribute_of(target) == attribute for target in targets) and node.value is not None:
                found.append(node.value)
    return found


def _is_always(index: Index, owner: Definition, attribute: str, module: Module) -> bool:
    """Whether an attribute holds this very module in every construction, as far as assignments tell."""
    classes = [each for each in index.order(owner) if isinstance(each, Definition)]
    values = [value for each in classes for value in _assigned(each.node, attribute)]
    return module.origin is not None and all(value is module.origin.node for value in values)


def _made_by_base(index: Index, owner: Definition, module: Module) -> bool:
    """Whether a module is made by the constructor of a base, so that it is there to be copied after that."""
    if (module.cls is None and module.definition is None) or module.guess or module.origin is None:
        return False
    bases = [each for each in index.order(owner)[1:] if isinstance(each, Definition)]
    return any(each.methods.get("__init__") is module.origin.function for each in bases)


def _made_from_constants(module: Module) -> tuple[str, tuple[str, ...]] | None:
    """(class, constructor arguments) of a library's module made with constants only."""
    origin = module.origin
    if module.cls is None or module.guess or origin is None or not isinstance(origin.node, ast.Call):
        return None
    arguments = [*origin.node.args, *(keyword.value for keyword in origin.node.keywords)]
    if not all(isinstance(argument, ast.Constant) for argument in arguments):
        return None
    texts = [ast.unparse(argument) for argument in origin.node.args]
    texts.extend(f"{k.arg}={ast.unparse(k.value)}" for k in origin.node.keywords if k.arg is not None)
    return module.cls, tuple(texts)
