"""Codecs for reducers, measured in one run: ``python -m tests.benchmarks.codecs [codec ..]``.

The aggregator is built with each codec, as its crate is but for the derives, with fat LTO and
without: the time from a one-line edit to the module (median of 3, dependencies built), the
module's size, and one step through the public path. Needs a Rust toolchain and, the first time,
the registry. Quote ratios: the absolute times are this machine's.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aos_core import canon
from aos_core.build.prebuilt import read_lock
from aos_core.build.toolchain import TARGET, Toolchain, find_toolchain, prepare
from aos_core.errors import StepFault
from aos_core.kernel.reducers import envelope, parse_output
from aos_core.wasm import Runtime, StepLimits
from tests.benchmarks.measure import median_us

HERE = Path(__file__).parent
REDUCERS = HERE.parents[1] / "reducers"
CODECS = ("aos-sdk", "serde-minicbor", "serde-ciborium", "serde-cbor4ii", "minicbor-derive")
LIMITS = StepLimits(fuel=1_000_000_000, memory_mib=64, output_mib=16)
TAGGED = '#[serde(tag = "$tag", content = "$value")]\n'


def write_reducer(place: Path, codec: str) -> None:
    """The sources of the aggregator, with the derives of ``codec``."""
    source = REDUCERS / "aggregator" / "src"
    schema = (source / "schema.rs").read_text(encoding="utf-8")
    if codec.startswith("serde"):
        schema = schema.replace("aos_sdk::Value", "serde::{Deserialize, Serialize}")
        schema = schema.replace("Value)]", "Serialize, Deserialize)]")
        schema = schema.replace("pub enum", f"{TAGGED}pub enum")
    elif codec == "minicbor-derive":
        schema = schema.replace("aos_sdk::Value", "minicbor::{Decode, Encode}")
        schema = schema.replace("Value)]", "Encode, Decode)]")
        schema = schema.replace("pub struct", "#[cbor(map)]\npub struct")
        schema = "\n".join(_numbered(schema.splitlines()))
    code = (source / "lib.rs").read_text(encoding="utf-8").partition("#[cfg(test)]")[0]
    code = code.replace("aos_sdk::Step", "crate::host::Step")
    code = code.replace("aos_sdk::reducer!(reduce);", "")
    place.mkdir()
    (place / "schema.rs").write_text(schema, encoding="utf-8")
    (place / "mod.rs").write_text(code, encoding="utf-8")


def _numbered(lines: list[str]) -> list[str]:
    """Fields and tags with the numbers that minicbor's derive asks for."""
    number, result = 0, []
    for line in lines:
        number = 0 if line.startswith("pub ") else number
        if re.match(r"    (pub )?\w+(:|,|\()", line):
            result.append(f"    #[n({number})]")
            line = line.replace("(", "(#[n(0)] ")
            number += 1
        result.append(line)
    return result


def cargo(tools: Toolchain, crate: Path, codec: str, lto: str) -> Path:
    """Build, and give the module's place."""
    flags = [f"-Clinker={tools.linker}"] * (tools.linker is not None)
    flags += [f"--sysroot={tools.sysroot}"] * (tools.sysroot is not None)
    env = tools.environment(
        CARGO_ENCODED_RUSTFLAGS="\x1f".join(flags), CARGO_PROFILE_RELEASE_LTO=lto
    )
    args = ["build", "--quiet", "--locked", "--release", "--target", TARGET, "--features", codec]
    subprocess.run([tools.cargo, *args], cwd=crate, env=env, check=True)
    return crate / "target" / TARGET / "release" / "codecs.wasm"


def build(tools: Toolchain, codec: str, lto: str) -> tuple[bytes, float]:
    """The module, and the seconds from an edit to it."""
    with tempfile.TemporaryDirectory() as name:
        crate = Path(name) / "codecs"
        shutil.copytree(HERE / "codecs", crate, ignore=shutil.ignore_patterns("target"))
        manifest = crate / "Cargo.toml"
        text = manifest.read_text(encoding="utf-8").replace("../../../reducers", str(REDUCERS))
        manifest.write_text(text, encoding="utf-8")
        write_reducer(crate / "src/reducer", codec)
        module = cargo(tools, crate, codec, lto)
        wasm, taken = module.read_bytes(), []
        edited = crate / "src/reducer/mod.rs"
        for edit in range(3):
            code = re.sub(r"fetch_a\d*", f"fetch_a{edit}", edited.read_text(encoding="utf-8"))
            edited.write_text(code, encoding="utf-8")
            begin = time.perf_counter()
            cargo(tools, crate, codec, lto)
            taken.append(time.perf_counter() - begin)
        return wasm, statistics.median(taken)


def event(tag: str, id: int) -> bytes:
    def target(name: str) -> dict[str, Any]:
        if tag == "Start":
            return {"name": name, "url": f"https://example.com/api/{name}", "method": "GET"}
        return {"name": name, "status": 200, "body_preview": "a preview of a body " * 2}

    value: dict[str, Any] = {"topic": "a topic", "primary": target("a")}
    value |= {"secondary": target("b"), "tertiary": target("c")}
    value |= {} if tag == "Start" else {"request_id": id}
    return canon.encode({"$tag": tag, "$value": value})


def step_us(wasm: bytes) -> float:
    """A step that ends the ninth of ten requests, in microseconds."""
    hash = canon.sha256(wasm)
    runtime = Runtime({hash: wasm}.__getitem__)

    def given(state: bytes | None, value: bytes) -> bytes:
        return envelope(state, "demo/AggregatorEvent@1", value, None, None)

    state: bytes | None = None
    events = [event("Start", 0)] * 10 + [event("Complete", id) for id in range(1, 9)]
    for value in events:
        state = parse_output(runtime.step(hash, given(state, value), LIMITS)).state
    last = given(state, event("Complete", 9))
    return median_us(lambda: runtime.step(hash, last, LIMITS), 2000)


def main() -> None:
    locked = {entry["toolchain"]["rustc"] for entry in read_lock(REDUCERS / "prebuilt").values()}
    tools = prepare(find_toolchain(locked), print)
    print(f"{tools.name}\n\n| codec | LTO | edit, s | wasm, kB | step, us |\n|---|---|---|---|---|")
    for codec in sys.argv[1:] or CODECS:
        for lto in ("fat", "off"):
            wasm, seconds = build(tools, codec, lto)
            try:
                step = f"{step_us(wasm):.0f}"
            except StepFault:
                step = "reads no AIR"
            print(f"| {codec} | {lto} | {seconds:.2f} | {len(wasm) / 1000:.0f} | {step} |")


if __name__ == "__main__":
    main()
