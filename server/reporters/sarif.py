"""Findings as SARIF 2.1.0, for code scanning services."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from functools import partial
from urllib import parse

from .. import __version__
from ..finding import Severity
from ..rules import RULES, Rule
from ..rules.links import doc_url
from ..rules.pages import page, title
from .results import Entry, Failure, Place, Results

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFORMATION: "note"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def report(results: Results) -> str:
    """One SARIF log with one run."""
    seen: Counter[str] = Counter()
    run = {
        "tool": {
            "driver": {
                "name": "aimet-guidelines",
                "semanticVersion": __version__,
                "rules": [_rule(rule) for rule in RULES],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(entry, seen) for entry in results.entries],
        "invocations": [
            {
                "executionSuccessful": not results.failures,
                "toolExecutionNotifications": [_notification(failure) for failure in results.failures],
            }
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(rule: Rule) -> Mapping[str, object]:
    text = page(rule)
    described: dict[str, object] = {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": title(rule)},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }
    address = doc_url(rule.code)
    return {**described, "helpUri": address} if address else described


def _result(entry: Entry, seen: Counter[str]) -> Mapping[str, object]:
    finding = entry.finding
    identity = "\0".join((entry.place.path, finding.code, finding.symbol, entry.source.strip()))
    seen[identity] += 1  # equal lines of one file are told apart by their order
    fingerprint = hashlib.sha256(f"{identity}\0{seen[identity]}".encode("utf-8", "surrogatepass")).hexdigest()
    codes = [rule.code for rule in RULES]
    result: dict[str, object] = {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [_location(entry.place)],
        "relatedLocations": [{**_location(place), "message": {"text": message}} for place, message in entry.related],
        "partialFingerprints": {"aimetGuidelines/v1": fingerprint},
        "properties": {
            "symbol": finding.symbol,
            "cell": entry.place.cell,
            "fix": {"title": entry.fix.title, "safety": entry.fix.safety.value} if entry.fix else None,
        },
    }
    return {**result, "ruleIndex": codes.index(finding.code)} if finding.code in codes else result


def _location(place: Place) -> Mapping[str, object]:
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(place.path)}, "region": region}}


def _notification(failure: Failure) -> Mapping[str, object]:
    where = {"artifactLocation": {"uri": _uri(failure.path)}, "region": {"startLine": failure.line}}
    return {"level": "error", "message": {"text": failure.message}, "locations": [{"physicalLocation": where}]}


# A name need not be Unicode.
quote = partial(parse.quote, errors="surrogateescape")


def _uri(path: str) -> str:
    if path.startswith("/"):
        return "file://" + quote(path)
    return "file:///" + quote(path, safe="/:") if path[1:2] == ":" else quote(path)
