"""File systems on which no journal is written: another machine may not see their locks.

One writer a branch is what keeps a journal whole, and SQLite shares memory between its users: both
need a disk of this machine.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_REMOTE = {
    "9p", "afs", "ceph", "cifs", "davfs", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs",
    "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3",
    "smbfs",
}  # fmt: skip
_ESCAPED = re.compile(r"\\([0-7]{3})")
_MOUNTS = Path("/proc/self/mountinfo")


def remote_file_system(path: Path, mounts: Path = _MOUNTS) -> str | None:
    """The kind of the network file system that ``path`` lies on; None for a disk of this machine,
    and where that cannot be told. ``mounts``: in the form of Linux's mountinfo (proc(5))."""
    if sys.platform == "win32":
        return "network share" if str(path.absolute()).startswith("\\\\") else None
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    place = os.path.realpath(path)
    best, kind = "", ""
    for line in lines:
        fields, _, behind = line.partition(" - ")
        mount = _ESCAPED.sub(lambda of: chr(int(of[1], 8)), fields.split(" ")[4])
        under = place == mount or place.startswith(mount.rstrip("/") + "/")
        if under and len(mount) >= len(best):  # of two on one place the later one is seen
            best, kind = mount, behind.split(" ")[0]
    return kind if kind in _REMOTE else None
