"""Findings for programs. A contract: keys are only ever added, their meaning never changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from ..rules.links import doc_url
from .results import Entry, Results

VERSION = 1


def report(results: Results) -> str:
    """One JSON object: `version`, `findings`, `errors`, `summary`."""
    document = {
        "version": VERSION,
        "findings": [_finding(entry) for entry in results.entries],
        "errors": [asdict(failure) for failure in results.failures],
        "summary": results.summary(),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _finding(entry: Entry) -> Mapping[str, object]:
    finding, fix = entry.finding, entry.fix
    place = asdict(entry.place)
    cell = place.pop("cell")
    return {
        **place,
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.label,
        "message": finding.message,
        "symbol": finding.symbol,
        "fix": {"title": fix.title, "safety": fix.safety.value} if fix else None,
        "related": [{**asdict(where), "message": message} for where, message in entry.related],
        "cell": cell,
        "doc_url": doc_url(finding.code),
    }
