"""How much the scanner reads, keeps and checks.

Floor 3: pure. Tests make these small; nothing else changes them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that make memory and time independent of a log's size."""

    block_bytes: int = 1 << 20
    """Read and scanned at once; fits into a second-level cache together with its smoothed copy."""
    reach_bytes: int = 1 << 15
    """Seen on each side of a match in a piece that is longer than twice this."""
    stretch_bytes: int = 1 << 15
    """Looked at together; where a pattern is common, only one match of it in each is looked for."""
    wide_stretch_bytes: int = 1 << 18
    """The same in a source that is long, and of which it is known what is common in it."""
    settled_bytes: int = 1 << 25
    """Of such a source."""
    untuned: int = 12_000
    """Candidates in a source before the scanner is tuned to what is common in it."""
    compile_bytes: int = 24 << 20
    """Of a source that are left, for the scanner to be compiled anew for what is common in it."""
    learnt_bytes: int = 4 << 20
    """Of a source, before it is known what is common in it."""
    sample_bytes: int = 1 << 18
    """Of a source, in which it is seen which words are there at all."""
    tunings: int = 3
    """Times that it is compiled for one source, at most."""
    common_bytes: int = 1 << 16
    """A pattern with more than one candidate for so many bytes is common."""
    confirmed: int = 200
    """Candidates of a pattern whose matches cannot be told from the raw text that are read as lines
    before others are only counted."""
    first: int = 40
    """Matches of one pattern that are kept from the start of a source."""
    few: int = 8
    """The same for a pattern of which it only counts that, when and by whom it was printed."""
    each_writer: int = 4
    """Matches of one pattern that are kept of each process."""
    few_each_writer: int = 2
    writers: int = 512
    """Processes of which they are kept."""
    lines_looked_at: int = 96
    """Of each process, for matches of patterns that are otherwise counted by stretches."""
    last: int = 8
    """Matches of one pattern that are kept from the end."""
    few_last: int = 3
    windows_first: int = 192
    windows_last: int = 64
    window_bytes: int = 1 << 17
    """Of the raw lines after a window's first."""
    head_lines: int = 200
    tail_lines: int = 400
    end_bytes: int = 1 << 18
    """Of the raw lines at each end of a source."""
    segment_bytes: int = 1 << 21
    """Looked at by one of several processes at once."""
    alone_bytes: int = 1 << 23
    """Of a source, before further processes are started for it."""
    timeout_s: float = 0.5
    """For one search of one line."""

    @property
    def piece_bytes(self) -> int:
        """A longer piece is cut to a window around its match."""
        return 2 * self.reach_bytes


DEFAULT = Limits()
