"""Files on their way out, and the cache that clients keep of them."""

import pathlib

from content import assert_same_files, git_blob_id, read_tree, sha256
from failures import raises
from history import FIRST, history
from lane import step


@step("downloads every revision whole, by branch, tag and commit, into a cache named after the bytes")
def snapshots(lane):
    api, made = lane.api(), history(lane)
    cache = lane.work / "snapshots"
    root = cache / f"models--{made.name.replace('/', '--')}"
    for revision, files in made.revisions.items():
        path = pathlib.Path(api.snapshot_download(made.name, revision=revision, cache_dir=cache))
        assert path.name == api.repo_info(made.name, revision=revision).sha
        assert_same_files(read_tree(path), files)
        for name, content in files.items():
            is_large = name.endswith(".bin")
            # The first link only: eras with a store of Xet blobs for all repositories link on to there.
            assert (path / name).readlink().name == (sha256(content) if is_large else git_blob_id(content)), name
    for name in ("main", "v1", "light", "dev/side"):
        assert (root / "refs" / name).read_text() == api.repo_info(made.name, revision=name).sha
    again = api.snapshot_download(made.name, revision="v1", cache_dir=cache, local_files_only=True)
    assert_same_files(read_tree(pathlib.Path(again)), FIRST)


@step("downloads single files by branch, tag and old commit")
def single(lane):
    api, made = lane.api(None), history(lane)
    cache = lane.work / "single"
    for revision, files in made.revisions.items():
        for name in ("a.txt", "weights.bin", "50% off/größe + 1.txt", "folder/deep/empty"):
            if name not in files:
                continue
            path = api.hf_hub_download(made.name, name, revision=revision, cache_dir=cache)
            assert pathlib.Path(path).read_bytes() == files[name], (revision, name)
    short = made.commits["first"][:8]
    path = api.hf_hub_download(made.name, "a.txt", revision=short, local_dir=lane.work / "short")
    assert pathlib.Path(path).read_bytes() == FIRST["a.txt"]
    local = lane.work / "local"
    for revision in ("v1", "main"):
        path = api.hf_hub_download(made.name, "weights.bin", revision=revision, local_dir=local)
        assert pathlib.Path(path) == local / "weights.bin"
        assert pathlib.Path(path).read_bytes() == made.revisions[revision]["weights.bin"]
    chosen = lane.work / "chosen"
    api.snapshot_download(made.name, local_dir=chosen, allow_patterns=["*.txt"], ignore_patterns=["copies/*"])
    wanted = {name: content for name, content in made.revisions["main"].items()
              if name.endswith(".txt") and not name.startswith("copies/")}
    assert_same_files(read_tree(chosen), wanted)


@step("goes on with a download that was broken off", when=lambda lane: lane.version < (1, 0) and not lane.has_xet)
def resume(lane):
    from huggingface_hub.utils import logging

    api, made = lane.api(), history(lane)
    content = FIRST["weights.bin"]
    cache = lane.work / "resumed"
    blobs = cache / f"models--{made.name.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    # What is there already is marked, so that the rest is known to have been added to it.
    marked = b"#" + content[1:100_000]
    (blobs / f"{sha256(content)}.incomplete").write_bytes(marked)
    logging.set_verbosity_error()
    path = api.hf_hub_download(made.name, "weights.bin", revision="v1", cache_dir=cache)
    assert pathlib.Path(path).read_bytes() == marked + content[100_000:]


@step("says of what is not there whether repository, revision or file is missing")
def missing(lane):
    from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    made, cache = history(lane), lane.work / "missing"
    for person in ("ada", None):
        api = lane.api(person)
        with raises(RepositoryNotFoundError):
            api.hf_hub_download(lane.repo("no-such-repo"), "a.txt", cache_dir=cache)
        with raises(RevisionNotFoundError, status=404):
            api.hf_hub_download(made.name, "a.txt", revision="nowhere", cache_dir=cache)
        with raises(EntryNotFoundError, status=404):
            api.hf_hub_download(made.name, "absent.txt", cache_dir=cache)
        with raises(RevisionNotFoundError, status=404):
            api.snapshot_download(made.name, revision="nowhere", cache_dir=cache)
        with raises(RepositoryNotFoundError):
            api.snapshot_download(lane.repo("no-such-repo"), cache_dir=cache)
    # The client remembers per commit that a file does not exist; it needs the commit of the 404 for that.
    marks = [mark.relative_to(cache).parts[1:] for mark in cache.rglob("absent.txt")]
    assert marks == [(".no_exist", made.commits["head"], "absent.txt")]


@step("hands out what the cache of a user holds by its right names")
def cache(lane):
    from huggingface_hub import scan_cache_dir, try_to_load_from_cache

    api, made = lane.api(), history(lane)
    folder = lane.work / "scanned"
    api.snapshot_download(made.name, cache_dir=folder)
    report = scan_cache_dir(folder)
    assert not report.warnings, report.warnings
    [repo] = report.repos
    [revision] = repo.revisions
    assert (repo.repo_id, revision.commit_hash, revision.refs) == (made.name, made.commits["head"], {"main"})
    assert {file.file_path.name for file in revision.files} >= {"README.md", "weights.bin"}
    found = try_to_load_from_cache(made.name, "a.txt", cache_dir=folder)
    assert pathlib.Path(found).read_bytes() == made.revisions["main"]["a.txt"]
