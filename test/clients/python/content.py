"""Bytes that are the same in every run, and the ids that git and LFS give to bytes."""

import hashlib
import random

MIB = 1024 * 1024

# Each is legal on the hub and awkward in a URL, a shell or an index.
AWKWARD_NAMES = [
    "100%.txt",
    "50%25 off.txt",
    "a+b.txt",
    "a&b=c.txt",
    "what?.txt",
    "#1.txt",
    "two  spaces.txt",
    " leading space.txt",
    "semi;colon,comma.txt",
    "quote's \"double\".txt",
    "(round) [square] {curly}.txt",
    "at@tilde~bang!.txt",
    "dollar$caret^`tick`.txt",
    "größe/überraschung.txt",
    "日本語/モデル.txt",
    "emoji 🤗/🚀.txt",
    "e\u0301 decomposed.txt",
    "-dash",
    ".hidden",
    "%2F/..dots",
    "resolve/main/tree/blob.txt",
    "refs/heads/main/info",
    "long/" + "n" * 200 + ".txt",
    "/".join(f"deep{level}" for level in range(30)) + "/end.txt",
]


def noise(seed, size):
    """Bytes that do not compress, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def repetitive(seed, size):
    """Bytes with the same mebibyte again and again."""
    block = noise(seed, MIB)
    return (block * (size // MIB + 1))[:size]


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def git_blob_id(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def lfs_pointer(content):
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(content)}\nsize {len(content)}\n"
    ).encode()


def write_tree(folder, files):
    """Write files, as `{path: bytes}`, under a folder."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def read_tree(folder, without=(".cache/", ".gitattributes")):
    """The files under a folder as `{path: bytes}`, but for what the hub and the client add of their own."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(tuple(without))}


def assert_same_files(actual, expected):
    """Compare `{path: bytes}` and name what differs without printing megabytes."""
    missing, extra = expected.keys() - actual.keys(), actual.keys() - expected.keys()
    different = [path for path in expected.keys() & actual.keys() if actual[path] != expected[path]]
    assert not (missing or extra or different), (
        f"missing {sorted(missing)[:5]}, extra {sorted(extra)[:5]}, different {sorted(different)[:5]}"
    )
