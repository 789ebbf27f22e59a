"""Whether a URL answers.

Part of `watch`. Proxies are not asked: the server is on this machine or near it.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request

_TIMEOUT_S = 1.0


def answers(url: str) -> str:
    """Empty when the URL answers with a 2xx status; else why not, in a few words."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_TIMEOUT_S) as reply:
            return "" if 200 <= reply.status < 300 else f"status {reply.status}"
    except urllib.error.HTTPError as error:
        return f"status {error.code}"
    except urllib.error.URLError as error:
        reason = error.reason
        return getattr(reason, "strerror", None) or str(reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
