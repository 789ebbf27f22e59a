"""What is scanned must hold whatever is left of a line when it has been read."""

from __future__ import annotations

import random

import pytest
from scan_disguise import Disguise

from diagnose.cache import Cache
from diagnose.document import clean, read_line
from diagnose.scan.derive import needle
from diagnose.scan.engine import NAMES, build
from diagnose.scan.smooth import Smooth, is_odd


def smooth(raw: bytes) -> Smooth:
    return Smooth(bytearray(raw) + b"stale", len(raw))


def scanned(text: Smooth) -> bytes:
    return bytes(text.data[: text.size]) + b"\n" + text.side


def test_every_character_that_cleaning_takes_out_is_taken_out():
    for code in (*range(0xD800), *range(0xE000, 0x11000), 0x1F642, 0xE0001, 0x10FFFF):
        raw = b"fast" + chr(code).encode() + b"ness"
        if chr(code) not in "\r\n" and clean(raw) == "fastness":
            assert b"fastness" in scanned(smooth(raw)), hex(code)


@pytest.mark.parametrize("engine", NAMES)
def test_every_engine_sees_what_is_odd(engine):
    built = build(engine, [needle("some words")], Cache(None, ()))
    odd = ["\x00", "\x08", "\x0b", "\x1b", "\x7f", "\x80", "\x9f", "\u202a", "\u202e", "\u2066"]
    for text in (*odd, "\u2069", "\ufeff", "[0m", "[0;0m"):
        assert built.is_odd(f"a{text}b".encode())
        assert is_odd(f"a{text}b".encode())
    for text in ("", "plain\twords\r\n", "█ é … \xa0", "[1m", "\u2029\u2065"):
        assert not built.is_odd(text.encode())


@pytest.mark.parametrize("seed", range(30))
def test_whatever_a_line_is_read_as_is_scanned(seed):
    rng = random.Random(seed)
    disguise = Disguise(rng)
    words = [
        "core",
        "'dumped'",
        "in",
        '"kernel"',
        "at",
        "C:\\tmp\\new",
        "[3]",
        "{x}",
        "é█",
        "100%",
        "\t",
        "done",
    ]
    for _ in range(40):
        raw = disguise.line(" ".join(rng.choices(words, k=6)))
        first, *others = raw.split(b"\r")
        for piece in (first, *(first + b"\r" + other for other in others if clean(other))):
            line = read_line("log", 1, piece)
            found = scanned(smooth(raw)).decode("utf-8", "replace")
            # The lines of a traceback inside a JSON line stay apart.
            for part in (line.text, *line.message.split("\n")):
                assert part in found, (raw, part)


@pytest.mark.parametrize("seed", range(10))
def test_offsets_lead_back_to_the_raw_bytes(seed):
    rng = random.Random(seed)
    codes = [b"\x1b[0m", b"\x1b[1;36m", b"\x1b[K", b"\x1b]0;t\x07", b"\x1b", b"\x1b(B"]
    raw = b"".join(
        rng.choice(codes) if rng.random() < 0.1 else rng.choice([b"a", b"word ", b"\n", b"\r\n"])
        for _ in range(9000)
    )
    text = smooth(raw)
    for offset in rng.sample(range(text.size), 300):
        assert raw[text.raw(offset)] == text.data[offset]
        line = bytes(text.data[:offset]).count(b"\n")
        assert raw[: text.raw(offset)].count(b"\n") == line


def test_lines_without_anything_odd_are_not_copied():
    data = bytearray(b"plain words\nC:\\path and \\d\n" * 10)

    assert Smooth(data, len(data)).data is data
    assert Smooth(data, len(data)).side == b""


def test_strings_are_decoded_as_deep_as_they_are_nested():
    inner = '{"asctime": "2026-07-01 02:16:31", "levelname": "INFO", "message": "the \\"core\\" fell \\ud83d\\ude42 \\u001b[31mover"}'
    escaped = inner.replace("\\", "\\\\").replace('"', '\\"')
    outer = '{"log": "' + escaped + '\\n", "time": "2026-07-01T02:16:31Z"}'

    assert 'the "core" fell 🙂 over'.encode() in smooth(outer.encode()).side


def test_a_place_in_the_side_text_leads_to_its_line():
    raw = b"one\ntwo \x00 words\nthree\nfour \x08 words\n"
    text = smooth(raw)

    assert text.place(text.side.index(b"two")) == raw.index(b"two")
    assert text.place(len(text.side) - 1) == raw.index(b"four")
