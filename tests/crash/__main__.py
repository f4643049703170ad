"""``python -m tests.crash``: docs/crash-testing.md."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time

from tests.crash.run import Outcome, cases, run_all, table


def main() -> int:
    options = _options()
    seed = options.seed or str(secrets.randbelow(10**9))
    names = [options.again] if options.again else cases(seed, options.kills, options.cuts)
    print(f"case {options.again}" if options.again else f"seed {seed}", flush=True)
    begun = time.monotonic()

    def progress(outcome: Outcome, done: int) -> None:
        if outcome.failure or done == len(names) or done % 20 == 0:
            print(f"{done} of {len(names)} cases, {time.monotonic() - begun:.0f} s", flush=True)

    outcomes = run_all(names, options.jobs, progress)
    print(table(outcomes, time.monotonic() - begun))
    failed = [outcome for outcome in outcomes if outcome.failure]
    for outcome in failed:
        print(f"\n{outcome.failure}\nfailed: {outcome.case}")
        print(f"again:  python -m tests.crash --again {outcome.case}")
    if not failed:
        print("nothing that was acknowledged was lost")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--kills", type=int, default=1000, help="processes killed (1000)")
    parser.add_argument(
        "--cuts",
        type=int,
        default=1300,
        help="ends of journals, four of five by loss of power (1300)",
    )
    parser.add_argument("--seed", help="as printed by an earlier run; a new one otherwise")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--again", metavar="CASE", help="one case, as printed where it failed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
