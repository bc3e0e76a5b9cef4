"""The sandbox's FHIR server without its addresses: who may read which record, dates always fresh.

A toy on synthetic data: its bearer tokens can be guessed by anyone, so that everyone can try it.
Nothing here is for real patients; the service mounts it only with the sandbox on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from cds.errors import Forbidden, Unauthorized
from cds.fhir.shift import shift
from cds.fhir.store_chart import Call, chart_of
from cds.fhir.store_records import Records, Stored

EVERYONE = "sandbox.all"

_PREFIX = "sandbox."
_FRESH = timedelta(minutes=1)
_encoder = msgspec.json.Encoder()


class Store:
    """Records and a clock that tells the clinical moment (aware).

    Dates move when a resource is handed out, not before: a server that runs for days stays fresh,
    and the order of a search never hangs on the clock.
    """

    def __init__(self, records: Records, clock: Callable[[], datetime]) -> None:
        self.records = records
        self._clock = clock
        self._at: datetime | None = None
        self._json: dict[Stored, msgspec.Raw] = {}

    def reader(self, authorization: str) -> str:
        """Whose records the value of an `Authorization` header opens: a patient id, "" = all.

        Raises Unauthorized for none and for any that is not one of this server's.
        """
        scheme, _, token = authorization.strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized("send `Authorization: Bearer sandbox.PATIENT-ID`")
        if token == EVERYONE:
            return ""
        patient = token.removeprefix(_PREFIX)
        if not token.startswith(_PREFIX) or patient not in self.records.patients:
            raise Unauthorized("this token opens nothing here; it is `sandbox.` and a patient id")
        return patient

    def read(self, ref: str, reader: str) -> Stored | None:
        """The resource `Type/id`. Raises Forbidden when it is another patient's."""
        found = self.records.get(ref)
        if found is not None and reader not in ("", found.patient):
            raise Forbidden("the token is for another patient")
        return found

    def now(self) -> datetime:
        """The moment (aware) around which dates are now."""
        return self._clock()

    def json(self, stored: Stored) -> msgspec.Raw:
        """The resource as JSON, its dates relative to now, at most a minute behind."""
        now = self._clock()
        if self._at is None or not timedelta() <= now - self._at < _FRESH:
            self._at = now
            self._json.clear()
        found = self._json.get(stored)
        if found is None:
            moved = shift(stored.now, self._at).moved(stored.resource)
            found = self._json[stored] = msgspec.Raw(_encoder.encode(moved))
        return found


def build_store(samples: Iterable[Call], clock: Callable[[], datetime]) -> Store:
    """A server of these synthetic patients. `clock` tells the clinical moment (aware).

    Raises SettingsError when two of them have the same id.
    """
    return Store(Records(chart_of(item) for item in samples), clock)


def token_of(patient: str) -> str:
    """The bearer token that opens the record of one synthetic patient."""
    return f"{_PREFIX}{patient}"
