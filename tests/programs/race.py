"""Ranks that build one torch extension together; the builder is killed, and its lock stays behind.

usage: python race.py FOLDER RANKS

Prints `ready` when only waiters are left. Ends when its standard input is closed. With BEATS in the environment
each rank writes there, to a file of its own pid, when it could not run for 3 ms or more: the time (monotonic)
and for how long.
"""

import multiprocessing
import os
import pathlib
import sys
import threading
import time

SOURCE = """
#include <torch/extension.h>
#include <regex>
template <int N> int f(const std::string& s) { return std::regex_search(s, std::regex("a+b*c?")) + f<N - 1>(s); }
template <> int f<0>(const std::string&) { return 0; }
int slow(const std::string& s) { return f<200>(s); }
PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("slow", &slow); }
"""
BEAT_S, LATE_S = 0.001, 0.003


def beats(path):
    with path.open("a", buffering=1) as out:
        last = time.monotonic()
        while True:
            time.sleep(BEAT_S)
            now = time.monotonic()
            if now - last - BEAT_S >= LATE_S:
                out.write(f"{now} {now - last - BEAT_S}\n")
            last = now


def rank(folder):
    os.environ["TORCH_EXTENSIONS_DIR"] = str(folder)
    from torch.utils.cpp_extension import load

    if "BEATS" in os.environ:
        path = pathlib.Path(os.environ["BEATS"], str(os.getpid()))
        threading.Thread(target=beats, args=(path,), name="beats", daemon=True).start()
    load(name="kernel_ext", sources=[str(folder / "slow.cpp")], verbose=False)


def below(pid):
    children = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            children += [int(child), *below(int(child))]
    return children


def main():
    folder = pathlib.Path(sys.argv[1])
    (folder / "slow.cpp").write_text(SOURCE)
    context = multiprocessing.get_context("spawn")
    ranks = [context.Process(target=rank, args=(folder,)) for _ in range(int(sys.argv[2]))]
    for one in ranks:
        one.start()
    builder = None
    while builder is None:
        time.sleep(0.1)
        for one in ranks:
            tree = below(one.pid)
            if any("ninja" in pathlib.Path(f"/proc/{pid}/comm").read_text() for pid in tree):
                builder, compilers = one, tree
    time.sleep(2)
    compilers = below(builder.pid)
    builder.kill()  # first, or it would still take its lock away when the compiler fails
    for pid in compilers:
        os.kill(pid, 9)
    builder.join()
    waiting = 0
    while waiting < len(ranks) - 1:
        time.sleep(0.2)
        waiting = sum(
            "torch" in pathlib.Path(f"/proc/{one.pid}/maps").read_text()
            for one in ranks
            if one is not builder
        )
    time.sleep(3)
    print("ready", flush=True)
    sys.stdin.read()
    for one in ranks:
        one.kill()
        one.join()


if __name__ == "__main__":
    main()
