"""What somebody wrote down did not happen."""

from __future__ import annotations

import pytest
from examine import cause, diagnose, failure

OOM = "OSError: [Errno 28] No space left on device"
FULL = cause("host/disk-full", "No space left on device")
STOP = failure("ci/stop", "exit code 1")

QUOTED = [
    f"+ echo 'hint: {OOM}'",
    f'if grep -q "{OOM}" server.log; then exit 3; fi',
    f'    raise OSError("{OOM}")',
    f'    logger.error("{OOM}")',
    f"# {OOM}",
    f'known_errors.yaml:12:  - pattern: "{OOM}"',
    f'{{"prompt": "Explain: {OOM}"}}',
    f'(APIServer pid=1) INFO 07-01 02:00:00 [logger.py:40] Received request cmpl-1: prompt: "{OOM}", params: x',
    f"Generated text: '{OOM}'",
    f'pattern: "{OOM}"',
    f"tests/test_disk.py::test_full[{OOM}] PASSED [ 40%]",
]
SAID = [
    OOM,
    f"(Worker_TP0 pid=7) ERROR 07-01 02:00:00 [a.py:1] {OOM}",
    f"RuntimeError: Worker failed with error '{OOM}'",
    "slurmstepd: error: pyxis:     Write failed because No space left on device",
    f"##[error]{OOM}",
    f"server.log:812: {OOM}",
    "/usr/lib/python3/foo.py:12: UserWarning: No space left on device",
]


@pytest.mark.parametrize("line", QUOTED)
def test_a_quoted_error_is_not_the_cause(line):
    diagnosis = diagnose(f"{line}\nmytool: fatal: widget exploded\nexit code 1", FULL, STOP)

    assert diagnosis.cause is None
    assert diagnosis.alternatives == ()


@pytest.mark.parametrize("line", SAID)
def test_a_reported_error_is(line):
    diagnosis = diagnose(f"{line}\nexit code 1", FULL, STOP)

    assert diagnosis.cause is not None
