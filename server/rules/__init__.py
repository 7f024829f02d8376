"""The registry: every rule of this package, by code."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABCMeta
from functools import lru_cache

from .base import Case, Rule

__all__ = ["RULES", "Case", "Rule", "by_code", "resolve"]


def _load() -> tuple[Rule, ...]:
    """One instance of each rule: a module of this package named after its code holds one Rule subclass."""
    rules: list[Rule] = []
    for module_info in pkgutil.iter_modules(__path__):
        if not module_info.name.startswith("aimet"):
            continue
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        rules.extend(
            kind()
            for kind in vars(module).values()
            # Python 3.10 takes an alias such as dict[str, int] for a type; it has no ABCMeta.
            if isinstance(kind, ABCMeta) and issubclass(kind, Rule) and kind.__module__ == module.__name__
        )
    return tuple(sorted(rules, key=lambda rule: rule.code))


RULES: tuple[Rule, ...] = _load()
_BY_CODE = {rule.code: rule for rule in RULES}


def by_code(code: str) -> Rule | None:
    """The rule with that exact code."""
    return _BY_CODE.get(code)


@lru_cache(maxsize=256)
def resolve(selector: str) -> tuple[str, ...]:
    """The codes a code, a prefix of codes or a name stands for; empty where it stands for none."""
    wanted = selector.strip()
    return (
        tuple(rule.code for rule in RULES if rule.code.startswith(wanted.upper()) or rule.name == wanted.lower())
        if wanted
        else ()
    )
