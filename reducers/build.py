"""Build the reducers of the bundled worlds into `prebuilt/`, so that running them needs no Rust.

    python reducers/build.py            build, write prebuilt/*.wasm and prebuilt/lock
    python reducers/build.py --check    build elsewhere, compare with what is committed
    python reducers/build.py --rustc /usr/bin/rustc     with another compiler than the locked one

Exit codes: 0 built, or equal, or another compiler (with a notice); 1 different; 2 no toolchain,
or no build. The work is done by `aos_core.build`, for these crates as for anybody's.
"""

import argparse
import sys
from pathlib import Path

WORKSPACE = Path(__file__).resolve().parent
sys.path.insert(0, str(WORKSPACE.parent))

from aos_core.build.prebuilt import check_prebuilt, write_prebuilt  # noqa: E402
from aos_core.errors import AosError  # noqa: E402


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the reducers of the bundled worlds.")
    parser.add_argument("--check", action="store_true", help="rebuild and compare, write nothing")
    parser.add_argument("--rustc", type=Path, help="the compiler; else the one in the lock")
    args = parser.parse_args()
    try:
        if args.check:
            return 0 if check_prebuilt(WORKSPACE, say) else 1
        write_prebuilt(WORKSPACE, say, args.rustc)
    except AosError as error:
        say(f"error: {error}")
        if error.hint:
            say(f"  what to do: {error.hint}")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
