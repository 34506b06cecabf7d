"""JSON Schemas of what crosses to clients, made from the types that both fronts decode with."""

from __future__ import annotations

from typing import Any

import msgspec

from lofi_common.api import DETAILS, METHODS, NOTIFICATIONS


def protocol_schema() -> dict[str, Any]:
    """JSON Schemas of all methods, notifications and structured error details, with shared `$defs`."""
    types: list[Any] = [kind for pair in METHODS.values() for kind in pair]
    types += [*NOTIFICATIONS.values(), *DETAILS.values()]
    unique = list(dict.fromkeys(types))
    refs, components = msgspec.json.schema_components(unique, ref_template="#/$defs/{name}")
    ref_of = dict(zip(unique, refs, strict=True))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "methods": {
            name: {"params": ref_of[pair.params], "result": ref_of[pair.result]}
            for name, pair in METHODS.items()
        },
        "notifications": {name: ref_of[kind] for name, kind in NOTIFICATIONS.items()},
        "errors": {name: {"details": ref_of[kind]} for name, kind in DETAILS.items()},
        "$defs": components,
    }
