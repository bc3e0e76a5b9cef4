"""All synthetic charts together, indexed by id and by patient; built once, never changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds.errors import SettingsError
from cds.fhir.store_chart import Chart


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """One resource of one patient. `resource` has the dates of its fixture, around `now`."""

    type: str
    id: str
    patient: str
    resource: Mapping[str, Any]
    now: datetime

    @property
    def ref(self) -> str:
        return f"{self.type}/{self.id}"


class Records:
    """Whose records there are, and what is in them; `left_out` names what of the fixtures is not.

    Raises SettingsError when two patients or two resources have the same id.
    """

    def __init__(self, charts: Iterable[Chart]) -> None:
        self._by_id: dict[str, Stored] = {}
        self._by_patient: dict[tuple[str, str], list[Stored]] = defaultdict(list)
        self._patients: dict[str, str] = {}
        left: list[str] = []
        for chart in charts:
            self._add(chart)
            left += chart.left_out
        self.patients = tuple(self._patients)
        self.left_out = tuple(left)

    def _add(self, chart: Chart) -> None:
        if chart.patient in self._patients:
            raise SettingsError(
                f"the synthetic patients {self._patients[chart.patient]} and {chart.name} have the "
                "same patient id; give one of them another, or their records would mix"
            )
        self._patients[chart.patient] = chart.name
        for resource in chart.resources:
            kind, key = resource["resourceType"], resource["id"]
            stored = Stored(kind, key, chart.patient, resource, chart.now)
            if self._by_id.setdefault(stored.ref, stored) is not stored:
                raise SettingsError(
                    f"{chart.name}: another resource has the id of its {kind}; "
                    "give one of them another id"
                )
            self._by_patient[kind, chart.patient].append(stored)

    def get(self, ref: str) -> Stored | None:
        """The resource `Type/id`, whoever asks."""
        return self._by_id.get(ref)

    def of(self, kind: str, patient: str) -> tuple[Stored, ...]:
        """All of one type of one patient, in the order of the fixture."""
        return tuple(self._by_patient.get((kind, patient), ()))
