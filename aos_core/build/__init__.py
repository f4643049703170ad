"""Building modules: from a Rust crate, a ``.wat`` or a ``.wasm`` to checked, cached wasm."""

from aos_core.build.builder import Builder, find_built
from aos_core.build.diagnostics import Diagnostic
from aos_core.build.request import BuildArtifact, BuildRequest

__all__ = ["BuildArtifact", "BuildRequest", "Builder", "Diagnostic", "find_built"]
