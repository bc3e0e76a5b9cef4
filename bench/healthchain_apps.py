"""Two services as the published `healthchain` package has one write them.

Loaded by the interpreter that `BENCH_HEALTHCHAIN` names, which has that package and none of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CARD = {
    "summary": "Low potassium",
    "indicator": "info",
    "detail": "A card that does not look at the patient.",
    "source": {"label": "bench"},
}


def trivial() -> Any:
    """A handler that looks at nothing and answers with one card."""
    return _app(lambda _: None)


def typed() -> Any:
    """A handler that first reads the prefetch into the package's typed R4B Bundle."""
    from healthchain.fhir import prefetch_to_bundle  # type: ignore[import-not-found]
    from healthchain.fhir.r4b import Bundle  # type: ignore[import-not-found]

    return _app(lambda request: Bundle(**prefetch_to_bundle(request.prefetch)))


def _app(look: Callable[[Any], object]) -> Any:
    from healthchain.gateway import (  # type: ignore[import-not-found]
        CDSHooksService,
        HealthChainAPI,
    )
    from healthchain.models.responses import CDSResponse  # type: ignore[import-not-found]

    service = CDSHooksService()

    @service.hook("order-select", id="bench")  # type: ignore[untyped-decorator]
    def handle(request: Any) -> Any:
        look(request)
        return CDSResponse(cards=[CARD])

    app = HealthChainAPI()
    app.register_service(service)
    return app
