"""Why the validator still reports something after all repairs: the reviewed reasons of left.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import proofs
import tomllib
from proofs import Proof
from recording import HERE

PATH = HERE / "left.toml"


class Reason(NamedTuple):
    """One reason, for the operations (and `reused Class`) of some files.

    paths: files of the libraries, or folders that end with `/`. kinds: what is reported there; empty for anything.
    text: why the source cannot mend it, or why the tool does not.
    """

    paths: tuple[str, ...]
    kinds: frozenset[str]
    text: str

    def fits(self, place: str) -> bool:
        """Whether it is the reason for one line of a proof: `timm/models/hrnet.py:501 Add`."""
        where, _, kind = place.partition(" ")
        path = where.rpartition(":")[0]
        named = any(path == each or (each.endswith("/") and path.startswith(each)) for each in self.paths)
        return named and (not self.kinds or kind in self.kinds)


def reasons() -> list[Reason]:
    """All of them."""
    raw = tomllib.loads(PATH.read_text(encoding="utf-8"))
    return [
        Reason(tuple(each["paths"]), frozenset(each.get("kinds", ())), " ".join(each["reason"].split()))
        for each in raw["left"]
    ]


def remaining(shown: Mapping[str, Mapping[str, Proof]]) -> dict[str, dict[str, int]]:
    """What the proofs of the unsafe repairs still have, by model: the lines and how often each is reported."""
    found: dict[str, dict[str, int]] = {}
    for label, kinds in shown.items():
        if "failed" not in kinds["raw"] and "unsafe" in kinds:
            where = proofs.of(kinds, "unsafe").get("validator", {}).get("where")
            if where:
                found[label] = dict(where)
    return found


def explained(places: Mapping[str, int], listed: list[Reason]) -> dict[str, dict[str, int]]:
    """The lines of one model by reason, the first that fits; those without any under an empty one."""
    found: dict[str, dict[str, int]] = {}
    for place, count in places.items():
        text = next((each.text for each in listed if each.fits(place)), "")
        found.setdefault(text, {})[place] = count
    return found
