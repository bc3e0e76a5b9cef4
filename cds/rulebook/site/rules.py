"""What a site says about whole rules: silent here, accepted here."""

from __future__ import annotations

from dataclasses import replace

from cds.rulebook.model import Rule
from cds.rulebook.scope import Scope
from cds.rulebook.site.file import Site


def with_site_status(scope: Scope, site: Site, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The rules with those silent that the site silences. Only an active rule can be silenced."""
    by_id = {rule.id: rule for rule in rules}
    silent: set[str] = set()
    for source, change in site.parts:
        for name in change.status:
            rule = by_id.get(name)
            if rule is None:
                scope.unknown(source, ("status", name), "rule", name, by_id)
            elif rule.status != "active":
                scope.report(
                    source,
                    ("status", name),
                    f"`{name}` is {rule.status}; only an active rule can be made silent.",
                    "Remove this line.",
                )
            else:
                silent.add(name)
    return tuple(replace(rule, status="silent") if rule.id in silent else rule for rule in rules)


def accepted_by(scope: Scope, site: Site, rules: tuple[Rule, ...]) -> dict[str, str]:
    """Rule id -> who accepted it for this site and when; only a rule nobody has reviewed."""
    by_id = {rule.id: rule for rule in rules}
    found: dict[str, str] = {}
    for source, change in site.parts:
        for i, name in enumerate(change.accepted):
            rule = by_id.get(name)
            if rule is None:
                scope.unknown(source, ("accepted", i), "rule", name, by_id)
            elif rule.reviewed.by != "pending":
                scope.report(
                    source,
                    ("accepted", i),
                    f"`{name}` was reviewed; there is nothing to accept.",
                    "Remove it from the list.",
                )
            elif rule.status in ("draft", "retired"):
                scope.report(
                    source, ("accepted", i), f"`{name}` is {rule.status}: not judged at all."
                )
            else:
                found[name] = f"{change.by}, {change.date}"
    return found
