"""The start of the single file: unpacks what this Python needs, once, and runs the program from there.

Becomes `__main__.py` of the zip that `single_file.py` writes. Old Pythons read it too, to say what they lack, so
that it keeps to what Python 3.6 understands until the version has been looked at.

Compiled modules cannot be imported from a zip. They are unpacked to the user's cache (`DIAGNOSE_CACHE_DIR`, else
`XDG_CACHE_HOME` or `~/.cache`), else to a folder for this one run. The folder is named by a digest of its content,
belongs to the user alone, and is renamed into place when it is whole, so that two first runs at once do no harm.
"""

import importlib
import json
import os
import platform
import shutil
import stat
import sys
import tempfile
import zipfile

INDEX = "index.json"
PACKAGES = "packages/"
COMPILED = "regex"
"""A package that has a compiled module for every target."""


def main():
    """Unpacks and runs; ends with exit code 4 and one sentence where this Python will not do."""
    with zipfile.ZipFile(os.path.abspath(sys.argv[0])) as file:
        index = json.loads(file.read(INDEX).decode("utf-8"))
        target = f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}"
        if target not in index["targets"] or not sys.platform.startswith("linux"):
            known = ", ".join(sorted(index["targets"]))
            sys.stderr.write(f"diagnose: this file holds no build for {target} on {sys.platform}\n")
            sys.stderr.write(f"  run it with another Python (python3.12 FILE); it has {known}\n")
            sys.exit(4)
        name, parts = index["digest"] + "-" + target, ("common/", target + "/")
        folder, kept = unpacked(file, name, parts)
    try:
        from diagnose.cli import main as run

        run()
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def unpacked(file, name, parts):
    """The folder with the packages, which is on the path then, and whether it stays for the next run."""
    for parent in parents():
        folder = os.path.join(parent, name)
        if not os.path.isdir(folder):
            unpack(file, parent, folder, parts)
        if is_ours(folder) and loads(folder):
            return folder, True
    folder = tempfile.mkdtemp(prefix="diagnose-")
    extract(file, folder, parts)
    sys.path.insert(0, folder)
    return folder, False


def loads(folder):
    """Whether compiled modules can be loaded from there: not where it is mounted without execution."""
    sys.path.insert(0, folder)
    try:
        importlib.import_module(COMPILED)
    except ImportError:
        sys.path.remove(folder)
        return False
    return True


def parents():
    """Folders to keep it in, the best first."""
    chosen = os.environ.get("DIAGNOSE_CACHE_DIR")
    shared = os.environ.get("XDG_CACHE_HOME", "")
    home = os.path.expanduser("~")
    if chosen is not None:
        found = [] if chosen in ("", "off") else [chosen]
    elif os.path.isabs(shared):
        found = [os.path.join(shared, "diagnose")]
    else:
        found = [os.path.join(home, ".cache", "diagnose")] if os.path.isabs(home) else []
    return [os.path.join(os.path.abspath(parent), "single-file") for parent in found]


def unpack(file, parent, folder, parts):
    """Unpacks to a folder beside it, which is then renamed; leaves nothing where that fails."""
    part = None
    try:
        os.makedirs(parent, 0o700, exist_ok=True)
        part = tempfile.mkdtemp(dir=parent)
        extract(file, part, parts)
        os.rename(part, folder)
    except OSError:
        # Not permitted, no room, or another run was first: all of them show when the folder is looked at.
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def extract(file, folder, parts):
    """Writes the members under `packages/`, without their first two folders."""
    for member in file.infolist():
        for part in parts:
            prefix = PACKAGES + part
            if not member.filename.startswith(prefix) or member.filename.endswith("/"):
                continue
            path = os.path.join(folder, *member.filename[len(prefix) :].split("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with file.open(member) as packed, open(path, "wb") as plain:
                shutil.copyfileobj(packed, plain)
            os.chmod(path, 0o755 if (member.external_attr >> 16) & stat.S_IXUSR else 0o644)


def is_ours(folder):
    """Whether a folder is there, belongs to this user, and nobody else can change it."""
    try:
        status = os.stat(folder)
    except OSError:
        return False
    private = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and private


if __name__ == "__main__":
    main()
