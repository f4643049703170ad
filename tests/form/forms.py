"""A type with every kind in it, and a value of it."""

from __future__ import annotations

from typing import Any

TEXT: dict[str, Any] = {"text": {}}
NAT: dict[str, Any] = {"nat": {}}
ADDRESS = {"record": {"street": TEXT, "zip": NAT}}

ORDER: dict[str, Any] = {
    "variant": {
        "Cancel": {"unit": {}},
        "Place": {
            "record": {
                "id": {"uuid": {}},
                "customer": TEXT,
                "note": {"option": TEXT},
                "paid": {"bool": {}},
                "at": {"time": {}},
                "within": {"duration": {}},
                "price": {"dec128": {}},
                "digest": {"option": {"hash": {}}},
                "raw": {"bytes": {}},
                "lines": {"list": {"record": {"sku": TEXT, "count": NAT}}},
                "tags": {"set": TEXT},
                "headers": {"map": {"key": TEXT, "value": TEXT}},
                "ship": {"option": {"variant": {"Pickup": {"unit": {}}, "Post": ADDRESS}}},
                "limit": {"option": NAT},
            }
        },
        "Count": NAT,
    }
}
PLACE: dict[str, Any] = {
    "Place": {
        "id": "00000000-0000-0000-0000-000000000001",
        "customer": "Ada\nLovelace",
        "note": None,
        "paid": True,
        "at": 1767225600000000000,
        "within": 90000000000,
        "price": "12.50",
        "digest": None,
        "raw": {"bytes_b64": "AP8QIA=="},
        "lines": [{"sku": "A-1", "count": 2}, {"sku": "B-7", "count": 1}],
        "tags": ["new"],
        "headers": {"accept": "*/*", "x-trace": "1"},
        "ship": {"Post": {"street": "Main 1", "zip": 12345}},
        "limit": 5,
    }
}
