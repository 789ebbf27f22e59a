"""Fisher's exact test for a table of two by two, one-sided.

Floor 6: pure. Held by a test against exact integer arithmetic; a statistics library would be the
heaviest dependency of the whole program for this one sum.
"""

from __future__ import annotations

from math import exp, lgamma


def greater(inside_bad: int, inside_good: int, outside_bad: int, outside_good: int) -> float:
    """How likely at least so many failures lie inside by chance, the four sums given.

    Args:
        inside_bad: Failed jobs for which the predicate holds.
        inside_good: Passed jobs for which it holds.
        outside_bad: Failed jobs for which it does not.
        outside_good: Passed jobs for which it does not.
    """
    inside = inside_bad + inside_good
    bad = inside_bad + outside_bad
    total = inside + outside_bad + outside_good
    most = min(inside, bad)
    # The first term by logarithms, for binomials of thousands do not fit a float; the others by ratio.
    term = exp(
        _log_choose(bad, inside_bad)
        + _log_choose(total - bad, inside_good)
        - _log_choose(total, inside)
    )
    found = term
    for count in range(inside_bad, most):
        term *= (bad - count) * (inside - count)
        term /= (count + 1) * (total - bad - inside + count + 1)
        found += term
    return min(1.0, found)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
