"""What was seen of a server as one file, and back.

Floor 2: pure; bytes in, bytes out. docs/bundle-format.md describes the format.

    codec       a snapshot as JSON values and back
    archive     the archive that carries it together with the logs' tails
    redaction   both without secrets; both without who and where
"""

from __future__ import annotations

from diagnose.bundle.archive import LOGS, MAX_MEMBER, SNAPSHOT, is_bundle, pack, unpack
from diagnose.bundle.codec import SCHEMA, encodable, from_json, to_json
from diagnose.bundle.redaction import anonymous, redacted, strings

__all__ = [
    "LOGS",
    "MAX_MEMBER",
    "SCHEMA",
    "SNAPSHOT",
    "anonymous",
    "encodable",
    "from_json",
    "is_bundle",
    "pack",
    "redacted",
    "strings",
    "to_json",
    "unpack",
]
