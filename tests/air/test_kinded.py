"""The kinded form of values, which is what is hashed (air-v1, B-16)."""

from __future__ import annotations

from typing import Any

import pytest

from aos_core import canon
from aos_core.air.values import NULL, UNIT, Value, kinded_bytes, make_map, make_set, record, variant
from tests.air.expressions import HASH, NONE, TRUE, UUID, B, I, N, R, S, T, nat, op, run, text


# The hash operator: the kinded form
@pytest.mark.parametrize(
    ("node", "digest"),
    [
        (N(5), "579b3da309fc7bf97270d6f6cacbeddbf180927e141e51fb5642a0afd30211fb"),
        (I(-1), "92a7116010b9346c89e017aadebec6502f5864291b88ee51e6dccfb53c87f1aa"),
        (NONE, "7c4ac26567cc278ba1064af50694c571430ac8364dbb59002dc12b9557bf38fa"),
        (B("AQI="), "eb52f42a0fae20755be30d48fdf4bc98a0459b3ec55ed9560956d8d4639b695b"),
        (
            R(workspace=T("alpha"), step=T("emit_resolve")),
            "8b908bed9bbb5426940a814bf6b6d4cc9ce356e212dc9464419e0fdd3a376a4b",
        ),
    ],
)
def test_published_hashes(node: Any, digest: str) -> None:
    """B-16."""
    assert run(op("hash", node)) == Value("Hash", f"sha256:{digest}")


def test_the_kinded_form_is_what_is_hashed() -> None:
    """B-16."""
    value = run(R(workspace=T("alpha"), step=T("emit_resolve")))
    assert kinded_bytes(value).hex() == (
        "d9d9f7a1665265636f7264a26473746570a164546578746c656d69745f7265736f6c7665"
        "69776f726b7370616365a1645465787465616c706861"
    )
    plain = canon.hash_text(canon.digest({"workspace": "alpha", "step": "emit_resolve"}))
    assert plain.startswith("sha256:ceee8f06")
    assert run(op("hash", N(1))) != run(op("hash", I(1)))


@pytest.mark.parametrize(
    ("value", "kinded"),
    [
        (NULL, "Null"),
        (UNIT, "Unit"),
        (TRUE, {"Bool": True}),
        (Value("Int", -1), {"Int": -1}),
        (nat(1), {"Nat": 1}),
        (Value("Bytes", b"\x01"), {"Bytes": b"\x01"}),
        (text("x"), {"Text": "x"}),
        (Value("Hash", "sha256:" + "0" * 64), {"Hash": "sha256:" + "0" * 64}),
        (Value("TimeNs", 7), {"TimeNs": 7}),
        (Value("DurationNs", -7), {"DurationNs": -7}),
        (Value("Dec128", "1"), {"Dec128": "1"}),
        (Value("Uuid", UUID), {"Uuid": UUID}),
        (Value("List", tuple(map(nat, range(300)))), {"List": [{"Nat": n} for n in range(300)]}),
        (make_set([nat(24), nat(1)]), {"Set": [{"Nat": 1}, {"Nat": 24}]}),
        (variant("A"), {"Record": {"$tag": {"Text": "A"}, "$value": "Unit"}}),
        (record(bb=NULL, a=UNIT), {"Record": {"a": "Unit", "bb": "Null"}}),
    ],
)
def test_the_kinded_form_of_each_kind(value: Value, kinded: Any) -> None:
    """B-16."""
    assert kinded_bytes(value) == canon.encode(kinded)


def test_the_kinded_form_of_a_set_is_ordered_by_kind_then_by_value() -> None:
    """B-16: texts bytewise, without regard to their length; the value keeps its own order."""
    high = {"hash": "sha256:" + "f" * 64}
    mixed = run(
        S({"uuid": UUID}, high, {"hash": HASH}, T("b"), T("aa"), N(300), N(7), I(-1), I(-9))
    )
    one = [{"Int": -9}, {"Int": -1}, {"Nat": 7}, {"Nat": 300}, {"Text": "aa"}, {"Text": "b"}]
    two = [{"Hash": HASH}, {"Hash": "sha256:" + "f" * 64}, {"Uuid": UUID}]
    assert kinded_bytes(mixed) == canon.encode({"Set": one + two})
    assert run(S(T("aa"), T("b"))).data == (text("b"), text("aa"))


def test_the_kinded_form_of_a_map_has_maps_as_keys() -> None:
    """B-16."""
    value = make_map([(text("bb"), nat(2)), (text("c"), nat(1))])
    one = bytes.fromhex("a164546578746163") + bytes.fromhex("a1634e617401")
    two = bytes.fromhex("a16454657874626262") + bytes.fromhex("a1634e617402")
    assert kinded_bytes(value) == canon.SELF_DESCRIBE + b"\xa1\x63Map\xa2" + one + two
