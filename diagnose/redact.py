"""Takes secrets out of text from logs, environments and stacks, before anything else sees it.

Floor 1: pure. Works on shapes (tokens with a known prefix, keys, signed URLs) and on names (whatever
stands behind a variable or header whose name says that it is a secret). It errs on the side of
taking out too much of a value and never touches what stands before it, so that lines stay readable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from diagnose.expressions import later

MARK = "[redacted]"

_SHAPES = later(
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
_NAMED = later(
    r"""
    (?<![A-Za-z0-9_.-])     # nothing is found from within a name that is not found from its start
    (?P<name>
        [A-Za-z0-9_.-]*
        (?:token(?!iz)|secret|passw(?:or)?d|passphrase|api[_-]?key|apikey|access[_-]?key|private[_-]?key|credential
          |auth[_-]?key|account[_-]?key|(?<![A-Za-z])(?:pass|pwd)(?![A-Za-z])|_(?:PASS|PWD|AUTH|PAT|KEY)(?![A-Za-z]))
        (?!s?\b\s*(?:ids?|ized|izer|count|usage|len|limit))
        [A-Za-z0-9_-]*
        (?:\\?['"]\]?)?\s*(?:[:=]|\s=>|\u200b=)\s*
    )
    (?P<open>\[?\s*(?:\\?['"])?)
    (?P<value>(?<=["'])[^"'\\]{3,}|[^\s'",;&\]\[\\]{4,})
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HEADER = later(
    r"(?i)(\b(?:authorization|x-api-key|cookie|set-cookie)['\"]?\s*[:=]\s*['\"]?)(?:(bearer|basic|token)\s+)?\S[^'\"\r\n]*"
)
_BEARER = later(r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=-]{12,}")
_URL_PASSWORD = later(r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s@]+@?[^\s@/]*(?=@)")
_SIGNED = later(
    r"(?i)([?&](?:x-amz-signature|x-goog-signature|x-goog-credential|x-amz-credential|x-amz-security-token|signature|sig|token|key|access_token|se|sv)=)[^&\s'\"]+"
)
_FLAG = later(
    r"(--(?:api[-_]key|hf[-_]token|token|password|secret|auth[-_]token)(?:=|\s+)|\b(?:sshpass|docker login .{0,80}?)\s-p\s+|\bcurl\b.{0,80}?\s-u\s+\w*:"
    r"|\bwandb login\s+|\bset\s+\w*TOKEN\s+|\b(?:password|passphrase)\s+(?=\S*\d)|\bmysql\b.{0,80}?\s-p(?=\S)|(?i:\bapi key is\s+)|\baws_secret_access_key\s+(?![=:])"
    r"|\b(?:ENV|setenv)\s+\w*(?:TOKEN|SECRET|PASSWORD|API_?KEY)\w*\s+(?!=))(?:'[^']*'|\"[^\"]*\"|\S+)"
)
# A variable of a container, as Kubernetes and Docker's API write it.
_PAIR = later(
    r"(?i)(['\"]?name['\"]?\s*[:=]\s*['\"]?[\w.-]*(?:token|secret|passw(?:or)?d|api_?key|access_?key)\w*['\"]?\s*,\s*['\"]?value['\"]?\s*[:=]\s*['\"]?)[^'\",}\s]+"
)
_URL_TOKEN = later(r"(\bhttps?://)[A-Za-z0-9_.-]{12,}(?=@)")
_WEBHOOK = later(r"(\bhooks\.slack\.com/services/)\S+")
_PRIVATE_KEY = later(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL
)
# A count of tokens is the most common thing in these logs that sounds like a secret.
_HARMLESS = later(
    # A call or a dictionary may end behind it.
    r"^(?:(?:[\d.,%+-]+[a-zA-Z%/]*|none|null|true|false|auto|int|str|bool|object)[)}]*|\*+|\$\{?\{?.*|<.*|\[redacted\])$",
    re.IGNORECASE,
)
_PASSWORD = later(r"(?i)passw|pwd")

# Every line that is looked at is redacted first, so most of what follows is about not looking twice.
_NAMES = ("token", "secret", "pass", "pwd", "key", "credential", "_auth", "_pat")
# What stands behind such a name, in lower case, wherever `_NAMED` matches.
_BEHIND_NAME = later(
    r"""[a-z0-9_-]*(?:\\?['"]\]?)?\s*(?:[:=]|\s=>|\u200b=)\s*\[?\s*(?:\\?['"])?"""
    r"""((?<=["'])[^"'\\]{3,}|[^\s'",;&\]\[\\]{4,})"""
)
# Ignoring case joins these with ASCII letters, and lower case does not.
_FOLDED = later("[\u0130\u0131\u017f\u212a]")


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret, and what tells cheaply that a text has none of it."""

    expression: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]
    signs: tuple[str, ...]
    """In lower case; every text that the rule changes holds one."""
    probe: Callable[[str], object] | None = None
    """Finds something in the lower case of every text that the rule changes."""

    def apply(self, text: str) -> str:
        """The text without such secrets."""
        return self.expression.sub(self.replacement, text)

    def may_change(self, lowered: str) -> bool:
        """Whether a text with that lower case may hold such a secret."""
        for sign in self.signs:
            if sign in lowered:
                return self.probe is None or bool(self.probe(lowered))
        return False


def _probe(expression: str) -> Callable[[str], object]:
    compiled = later(expression)
    return lambda lowered: compiled.search(lowered)


def redact(text: str) -> str:
    """The text with every secret it shows replaced by a mark."""
    lowered = text.lower()
    signs = [sign for sign in _SIGNS if sign in lowered]
    if text.isascii() or not _FOLDED.search(text):
        return _redacted(text, lowered, signs) if signs else text
    for rule in RULES:
        text = rule.apply(text)
    return text


def _redacted(text: str, lowered: str, signs: Sequence[str]) -> str:
    rules = _SIGNS[signs[0]]
    if len(signs) > 1:
        rules = tuple(sorted({number for sign in signs for number in _SIGNS[sign]}))
    for number in rules:
        rule = RULES[number]
        if not rule.may_change(lowered):
            continue
        changed = rule.apply(text)
        if changed != text:
            # A mark may stand where a later rule looks.
            for later in RULES[number + 1 :]:
                changed = later.apply(changed)
            return changed
    return text


def _has_named(lowered: str) -> bool:
    """Whether a name of a secret has a value that is none of the harmless ones."""
    password = None
    for name in _NAMES:
        at = lowered.find(name)
        while at >= 0:
            at += len(name)
            behind = _BEHIND_NAME.match(lowered, at)
            if behind:
                if password is None:
                    password = "passw" in lowered or "pwd" in lowered
                if password or not _HARMLESS.match(behind[1]):
                    return True
            at = lowered.find(name, at)
    return False


def _named(match: re.Match[str]) -> str:
    # What is taken out already is not taken out again: a saved look is redacted twice.
    if match.string.startswith(MARK, match.start("value") - 1):
        return match[0]
    # A number behind a name that says "token" is nearly always a count; a password may be a number.
    if _HARMLESS.match(match["value"]) and not _PASSWORD.search(match["name"]):
        return match[0]
    return f"{match['name']}{match['open']}{MARK}"


_KEPT = rf"\1{MARK}"
RULES = (
    Rule(_PRIVATE_KEY, MARK, ("private key-----",)),
    Rule(_HEADER, _KEPT, ("authorization", "x-api-key", "cookie")),
    Rule(_BEARER, _KEPT, ("bearer",)),
    Rule(_URL_PASSWORD, _KEPT, ("://",), _probe(r"://[^\s/:@]*:[^\s@]+@")),
    Rule(_URL_TOKEN, _KEPT, ("://",), _probe(r"://[a-z0-9_.-]{12,}@")),
    Rule(_WEBHOOK, _KEPT, ("hooks.slack.com/",)),
    Rule(_SIGNED, _KEPT, ("?", "&"), _probe(r"[?&][a-z_-]+=")),
    Rule(
        _FLAG,
        _KEPT,
        (
            "--",
            "sshpass",
            "docker login",
            "curl",
            "wandb",
            "set",
            "password",
            "passphrase",
            "mysql",
            "api key",
            "aws_secret",
            "env",
        ),
        _probe(
            r"--(?:api|hf|token|password|secret|auth)|sshpass|docker login|curl\b.*-u|wandb login"
            r"|set\s+\w*token|password\s|api key is|aws_secret|passphrase\s|mysql|env\s+\w*(?:token|secret|password|key)"
        ),
    ),
    Rule(_PAIR, _KEPT, ("value",), _probe(r"name\W.{0,200}value")),
    Rule(_NAMED, _named, _NAMES, _has_named),
    Rule(
        _SHAPES,
        MARK,
        (
            *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "hf_", "sk-", "sk_"),
            *("akia", "asia", "xox", "aiza", "ya29.", "nvapi-", "dckr_pat_", "npm_", "pypi-"),
            *("wandb_v1_", "eyj"),
        ),
        _probe(r"(?:hf_|sk[-_]|akia|asia|xox|aiza|eyj|_|-|ya29\.)[a-z0-9_.-]{10}"),
    ),
)
"""In this order; one may leave its mark where another looks."""


def _by_sign(rules: Sequence[Rule]) -> dict[str, tuple[int, ...]]:
    """A few words, one of which is in every text that some rule changes, and the rules each is for."""
    found: dict[str, list[int]] = {}
    for sign in sorted({sign for rule in rules for sign in rule.signs}, key=len):
        if not any(shorter in sign for shorter in found):
            found[sign] = [
                number
                for number, rule in enumerate(rules)
                if any(sign in longer for longer in rule.signs)
            ]
    return {sign: tuple(numbers) for sign, numbers in found.items()}


_SIGNS = _by_sign(RULES)
