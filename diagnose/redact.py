"""Takes secrets out of text from logs, environments and stacks, before anything else sees it.

Floor 0: pure. Works on shapes (tokens with a known prefix, keys, signed URLs) and on names (whatever
stands behind a variable or header whose name says that it is a secret). It errs on the side of
taking out too much of a value and never touches what stands before it, so that lines stay readable.
"""

from __future__ import annotations

import re

MARK = "[redacted]"

_SHAPES = re.compile(
    r"""
    \b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,})      # GitHub
  | \bglpat-[A-Za-z0-9_-]{16,}                                         # GitLab
  | hf_[A-Za-z0-9]{16,}                                                # Hugging Face
  | \bsk[-_](?:ant-|proj-|or-|live_|test_)?[A-Za-z0-9_-]{16,}                         # OpenAI and others
  | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                                      # AWS key id
  | \bxox[abeoprs]-[A-Za-z0-9-]{10,}                                   # Slack
  | \bAIza[0-9A-Za-z_-]{30,}                                           # Google
  | \bya29\.[0-9A-Za-z_-]{20,}
  | \bnvapi-[A-Za-z0-9_-]{20,}                                         # NVIDIA
  | \bdckr_pat_[A-Za-z0-9_-]{16,}                                      # Docker
  | \bnpm_[A-Za-z0-9]{30,}
  | \bpypi-[A-Za-z0-9_-]{30,}
  | \bwandb_v1_[A-Za-z0-9_]{20,}
  | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}       # JSON web token
    """,
    re.VERBOSE,
)
_NAMED = re.compile(
    r"""
    (?P<name>
        [A-Za-z0-9_.-]*
        (?:token(?!iz)|secret|passw(?:or)?d|passphrase|api[_-]?key|apikey|access[_-]?key|private[_-]?key|credential
          |auth[_-]?key|account[_-]?key|(?<![A-Za-z])(?:pass|pwd)(?![A-Za-z])|_(?:PASS|PWD|AUTH|PAT|KEY)(?![A-Za-z]))
        (?!s?\b\s*(?:ids?|ized|izer|count|usage|len|limit))
        [A-Za-z0-9_-]*
        (?:\\?['"])?\s*(?:[:=]|\s=>|\u200b=)\s*
    )
    (?P<open>\[?\s*(?:\\?['"])?)
    (?P<value>(?<=["'])[^"'\\]{3,}|[^\s'",;&\]\[\\]{4,})
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?i)(\b(?:authorization|x-api-key|cookie|set-cookie)['\"]?\s*[:=]\s*['\"]?)(?:(bearer|basic|token)\s+)?\S[^'\"\r\n]*"
)
_BEARER = re.compile(r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=-]{12,}")
_URL_PASSWORD = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s@]+@?[^\s@/]*(?=@)")
_SIGNED = re.compile(
    r"(?i)([?&](?:x-amz-signature|x-goog-signature|x-goog-credential|x-amz-credential|x-amz-security-token|signature|sig|token|key|access_token|se|sv)=)[^&\s'\"]+"
)
_FLAG = re.compile(
    r"(--(?:api[-_]key|hf[-_]token|token|password|secret|auth[-_]token)(?:=|\s+)|\b(?:sshpass|docker login .{0,80}?)\s-p\s+|\bcurl\b.{0,80}?\s-u\s+\w*:"
    r"|\bwandb login\s+|\bset\s+\w*TOKEN\s+|\bpassword\s+(?=\S*\d)|(?i:\bapi key is\s+)|\baws_secret_access_key\s+)\S+"
)
_URL_TOKEN = re.compile(r"(\bhttps?://)[A-Za-z0-9_.-]{12,}(?=@)")
_WEBHOOK = re.compile(r"(\bhooks\.slack\.com/services/)\S+")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL
)
# A count of tokens is the most common thing in these logs that sounds like a secret.
_HARMLESS = re.compile(
    r"^(?:[\d.,%+-]+[a-zA-Z%/]*|none|null|true|false|\*+|\$\{?\{?.*|<.*|\[redacted\]|auto|int|str|bool|object)$",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"(?i)passw|pwd")
_HINT = re.compile(
    r"(?i)token|secret|pass|pwd|_auth|_pat|key|credential|authorization|bearer|cookie|://|gh[pousr]_|github_pat_|glpat-|hf_|sk[-_]|AKIA|ASIA"
    r"|xox|AIza|ya29|nvapi|dckr_pat|npm_|pypi-|wandb_|eyJ|sig=|signature|hooks\.slack|curl|login"
)


def redact(text: str) -> str:
    """The text with every secret it shows replaced by a mark."""
    if not _HINT.search(text):
        return text
    text = _PRIVATE_KEY.sub(MARK, text)
    text = _HEADER.sub(lambda m: f"{m[1]}{MARK}", text)
    text = _BEARER.sub(lambda m: f"{m[1]}{MARK}", text)
    text = _URL_PASSWORD.sub(lambda m: f"{m['head']}{MARK}", text)
    text = _URL_TOKEN.sub(lambda m: f"{m[1]}{MARK}", text)
    text = _WEBHOOK.sub(lambda m: f"{m[1]}{MARK}", text)
    text = _SIGNED.sub(lambda m: f"{m[1]}{MARK}", text)
    text = _FLAG.sub(lambda m: f"{m[1]}{MARK}", text)
    text = _NAMED.sub(_named, text)
    return _SHAPES.sub(MARK, text)


def _named(match: re.Match[str]) -> str:
    # A number behind a name that says "token" is nearly always a count; a password may be a number.
    if _HARMLESS.match(match["value"]) and not _PASSWORD.search(match["name"]):
        return match[0]
    return f"{match['name']}{match['open']}{MARK}"
