"""Expressions of every kind that signatures use, and strings that match them."""

from __future__ import annotations

import random
import re._constants as code
import re._parser as parser
from collections.abc import Iterable

# In the style of real signatures; all can be parsed by `re` as well, so that strings can be made.
PATTERNS = (
    r"Using '(?P<backend>EMULATION|MARLIN)' Mxfp4 MoE backend",
    r"no spare shared memory block for (?P<seconds>\d+) s",
    r"^Engine core (?P<number>\d+) gave up$",
    r"(?i)gpu has left the bus",
    r"(?i:kv cache) is (?:too small|exhausted) for (?P<need>[\d,]+) tokens",
    r"Tried to get (?P<want>[\d.]+) (?P<unit>[KMG]iB) on GPU (?P<gpu>\d+)",
    r"worker (?P<name>\S+) died .{0,40}exit code (?P<rc>-?\d+)",
    r"cannot import '(?P<what>[^']+)' from '(?P<where>[^']+)'",
    r"waiting for the lock at (?P<path>/\S+?/lock)\b",
    r"rank (?P<a>\d+) waits for rank (?P=a)\b",
    r"stopped(?! on purpose).{0,30}by signal (?P<signal>\d+)",
    r"(?<!un)handled request \w{8}",
    r"ncclSystemError|ncclInternalError|ncclRemoteError",
    r"(?:Timed? ?out|No answer) after (?P<s>\d+)(?:\.\d+)? ?s(?:econds)?\b",
    r"Permission denied: [\"'](?P<path>[^\"']+)[\"']",
    r"sm_(?P<arch>[789]\d)\b is not (?:built in|supported)",
    r"gfx9[045]\w? lacks (?P<feature>fp[48]|bf16)",
    r"Xid \(PCI:(?P<pci>[0-9a-f:.]+)\): (?P<xid>\d+), pid",
    r"^\s*(?P<n>[1-9]\d*) tests failed",
    r"model '(?P<model>[\w./-]{3,60})' not found in cache",
    r"shape \[(?P<shape>\d+(?:, \d+){1,3})\] does not fit",
    r"[Ww]aiting on (?P<n>\d+) more ranks?",
    r"port (?P<port>\d{2,5}) is taken by pid (?P<pid>\d+)",
    r"disk (?:quota|space) (?:is )?used up on (?P<mount>/[\w/]*)",
    r"│\s+version\s+(?P<v>\d[\w.+-]*)",
    r"Téléchargement (?P<what>\w+) échoué",
    r"loading … (?P<shard>\d+)/(?P<all>\d+) shards stuck",
    r"[▀▄█]+ (?P<percent>\d{1,3})% stalled",
    r"assert (?P<left>.{1,40}?) == (?P<right>.{1,40}) failed in \S+\.cu:\d+",
    r"collective (?P<op>ALLREDUCE|BROADCAST|ALLGATHER)(?:_\w+)? ran for (?P<ms>\d+) ?ms",
    r"(?P<kind>(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception)): bad (?:argument|state)",
    r"killed by the (?:oom|OOM)[- ]killer",
    r"x509: (?P<why>certificate (?:expired|unknown)|.{3,20} mismatch)",
    r"--(?P<flag>[a-z][a-z-]+)(?:[= ](?P<value>\S+))? is not a known option",
    r"env (?P<name>[A-Z_]{3,30})=(?P<env>\S*) overrides",
    r"\bNaN\b.{0,20}\b(?:loss|logits)\b",
    r"heartbeat\s+(?:lost|late)\s{1,4}by\t?(?P<by>\d+)",
    r"core dumped|segmentation fault at 0x[0-9a-f]+",
    r"attempt (?P<n>\d) of (?P<of>\d): (?P<what>[a-z ]{4,24}) again",
    r"\{\"state\": ?\"(?P<state>\w+)\", ?\"code\": ?(?P<c>\d+)\}",
    r"path C:\\(?P<win>\w+)\\temp is gone",
    r"quote \"(?P<q>[^\"]*)\" never closed",
    r"driver (?P<have>\d+\.\d+) is older than (?P<needs>\d+\.\d+)",
    r"(?:ab){2,3}cdef(?:gh)?",
    r"(?P<w>\w+)-(?P<x>\w+) handshake refused",
    r"\d+ of \d+ peers unreachable",
    r"dataset (?P<ds>\S+) has \d+ rows? fewer(?: than expected)?$",
    r"^FATAL(?: |:)(?P<rest>.+)",
    r"evicted \d+ (?:block|page)s?, (?P<left>\d+) left, \w+ mode",
    r"graph capture (?:failed|aborted) at batch size (?P<bs>\d+)",
    r"hipError(?P<hip>[A-Z]\w+) \(\d+\)",
    r"tokenizer (?:mismatch|missing)[:;] .{4,30}",
    r"Failed cores: \{(?P<cores>[^}]*)\}",
    r"(?s)begin.{0,10}end of block",
    r"no kernel for dtype (?P<dtype>torch\.\w+)(?:, layout \w+)?",
    r"compile took (?P<took>\d+(?:\.\d+)?)(?P<u>ms|s) too long",
    r"Traceback \(most recent call first\)",
    r"lock (?P<lk>\S+) held for (?P<h>\d{2,}) h\b",
    r"bootstrap room (?P<room>\d+) (?:closed|vanished)",
    r"429 .{0,20}[Tt]oo [Mm]any [Rr]equests",
    r"exit(?:ed)? with (?:code|status):? (?P<code>[1-9]\d{0,2})\b",
    r"unexpected key\(s\): \"(?P<key>[\w.]+)\"",
    r"GPU (?P<g>\d) fell to (?P<clk>\d+) ?MHz",
    r"(?i)stra(?:ss|ß)e gesperrt",
    r"thread '(?P<t>[^']*)' panicked",
    r"\[rank(?P<rk>\d+)\]:\s+\w+Watchdog",
    r"only (?P<f>[\d.]+)/(?P<tot>[\d.]+) GiB are free",
    r"store key (?P<sk>[\w/:]+) timed out",
    r"pinned memory .{0,60} denied",
    r"all (?P<k>\d+) replicas? (?:are )?dead",
    r"socket (?P<fd>\d+)\s*->\s*(?P<to>[\w.]+:\d+) reset",
    r"version `(?P<glibc>GLIBC_[\d.]+)' not found",
    r"(?P<unit_>slurmstepd|srun): error: .{0,50}CANCELLED",
    r"Keyboard(?:Interrupt)?, shutting (?:down|off)",
    r"preempted \d+ times? because of (?P<why_>\w+)",
    r"queue depth [>=]{1,2} (?P<d>\d+) since",
    r"prefix-cache hit rate 0\.0{1,2}%",
    r"weights (?:of|for) layer (?P<l>\d{1,3}) are \S{3,9}",
    r"(?P<p>pre|post)fill stage crashed",
    r"a{3,}bort requested",
    r"(?i)no[^a-z]route[^x]left",
    r"(?:shard|part \d+) of the plan lost",
)

# What only `regex` knows, with a string that each matches.
REGEX_ONLY = (
    (r"(?P<x>left) gave up|(?P<x>right) gave up", "then right gave up"),
    (r"(?<who>\w+) lost its lease", "worker lost its lease"),
    (r"\p{Lu}\w++ is not listening", "Broker is not listening"),
    (r"(?>abc|ab)c lease", "abcc lease"),
    (r"(?|one (\w+)|two (\w+)) ended early", None),
    (r"[[:digit:]]+ slots wasted", "17 slots wasted"),
    (r"[[:^alpha:]]\w+ slot lost", "-abc slot lost"),
    (r"[^\p{Ll}]onnection broke", "Connection broke"),
    (r"\h*deadline passed", "  deadline passed"),
    (r"\mlease\M ended badly", "the lease ended badly"),
    (r"foo(?i)bar lease", "fooBAR Lease"),
    (r"(?x) spare \s parts # comment \n | other \s thing \s lost", None),
    (r"(?:old){e<=1} config kept", "ald config kept"),
    (r"(?P<y>\w+) and \g<y> collide", "disk and disk collide"),
    (r"(\w+)=(\d+)(?(2) units| nothing) short", None),
    (r"the \N{GREEK SMALL LETTER ALPHA} phase hung", "the α phase hung"),
    (r"café \w+ fermé", "café central fermé"),
    (r"\x41\u0042\103 sequence", "ABC sequence"),
    (r"past\K due date", "past due date"),
)

WIDE = "éüßαЖ…█漢🙂\u2028\xa0"
WORD_WIDE = "éüßαЖ漢"


class Maker:
    """Strings that match an expression, as far as it can be told from its parts."""

    def __init__(self, rng: random.Random, *, wide: float = 0.1) -> None:
        self._rng = rng
        self._wide = wide

    def of(self, pattern: str) -> str:
        return self._sequence(parser.parse(pattern), {})

    def _sequence(self, tree: Iterable[tuple[object, object]], groups: dict[int, str]) -> str:
        return "".join(self._one(op, value, groups) for op, value in tree)

    def _one(self, op: object, value: object, groups: dict[int, str]) -> str:
        rng = self._rng
        if op is code.LITERAL:
            return chr(value)
        if op is code.NOT_LITERAL:
            return rng.choice([c for c in "xyz .,-" + WIDE if c != chr(value)])
        if op is code.ANY:
            return rng.choice(WIDE if rng.random() < self._wide else "ab c.:'\"-1")
        if op is code.IN:
            return self._member(value)
        if op is code.BRANCH:
            return self._sequence(rng.choice(value[1]), groups)
        if op is code.SUBPATTERN:
            number, on, _, inner = value
            text = self._sequence(inner, groups)
            if on:
                text = "".join(rng.choice((c.lower(), c.upper())) for c in text)
            groups[number] = text
            return text
        if op in (code.MAX_REPEAT, code.MIN_REPEAT):
            low, high, inner = value
            times = rng.randint(low, min(high, low + 9))
            return "".join(self._sequence(inner, groups) for _ in range(times))
        return groups[value] if op is code.GROUPREF else ""

    def _member(self, members: list[tuple[object, object]]) -> str:
        rng = self._rng
        negated, chars = False, set()
        for op, value in members:
            if op is code.NEGATE:
                negated = True
            elif op is code.LITERAL:
                chars.add(chr(value))
            elif op is code.RANGE:
                chars |= {chr(c) for c in range(value[0], min(value[1], value[0] + 60) + 1)}
            else:
                name = str(value)
                sample = {"DIGIT": "0123456789٣", "WORD": "abXY_19" + WORD_WIDE, "SPACE": " \t\xa0"}
                for key, some in sample.items():
                    if name.endswith(f"NOT_{key}"):
                        chars |= (
                            set("ab/.:-é█🙂7 ")
                            - set(some)
                            - (set("abé7_") if key == "WORD" else set())
                        )
                    elif name.endswith(key):
                        chars |= set(some)
        if negated:
            chars = set("abcXYZ019 /.:-_" + WIDE) - chars
        return rng.choice(sorted(chars))
