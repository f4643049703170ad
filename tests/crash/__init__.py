"""Kills, power cuts, truncations and wrong bits: docs/crash-testing.md."""
