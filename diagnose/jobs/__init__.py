"""One job of a matrix: its settings, from wherever they are written, and how it ended.

Floor 10: pure.
"""

from __future__ import annotations
