"""A matrix of jobs, each diagnosed in a process of its own, and then compared.

Floor 12.
"""

from __future__ import annotations
