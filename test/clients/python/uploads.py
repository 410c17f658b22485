"""Files and folders on their way in."""

import hashlib
import io

from content import (
    AWKWARD_NAMES,
    MIB,
    assert_same_files,
    git_blob_id,
    lfs_pointer,
    noise,
    read_tree,
    repetitive,
    sha256,
    write_tree,
)
from failures import raises
from lane import step

# Above the part size of the hub under test, and not a multiple of it.
PARTS = 12 * MIB + 345


def check_file(lane, name, path, content, *, is_large, has_xet=None):
    """The file is on the hub as regular or large, with its ids, and its bytes come back."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    api = lane.api()
    [info] = api.get_paths_info(name, [path])
    assert info.size == len(content)
    if is_large:
        assert (info.lfs.sha256, info.lfs.size) == (sha256(content), len(content))
        assert info.blob_id == git_blob_id(lfs_pointer(content))
    else:
        assert info.lfs is None and info.blob_id == git_blob_id(content)
    metadata = get_hf_file_metadata(hf_hub_url(name, path, endpoint=lane.endpoint), token=lane.token("ada"))
    assert metadata.etag == (sha256(content) if is_large else git_blob_id(content))
    assert (metadata.size, metadata.commit_hash) == (len(content), api.repo_info(name).sha)
    if has_xet is not None:
        assert (metadata.xet_file_data is not None) == has_xet
    downloaded = api.hf_hub_download(name, path, cache_dir=lane.work / "uploads-cache")
    with open(downloaded, "rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == sha256(content)


@step("uploads regular files from bytes, from a path and from a file object")
def regular(lane):
    api, name = lane.api(), lane.repo("regular")
    api.create_repo(name)
    path = lane.folder("regular") / "local.txt"
    path.write_bytes(b"from a path\n")
    sources = {"bytes.txt": b"from bytes\n", "path.txt": path, "deep/er/object.txt": io.BytesIO(b"from an object\n")}
    for target, source in sources.items():
        done = api.upload_file(path_or_fileobj=source, path_in_repo=target, repo_id=name, commit_message=f"Add {target}")
        assert done.oid == api.repo_info(name).sha
        assert done.commit_url == f"{lane.endpoint}/{name}/commit/{done.oid}"
    with open(path, "rb") as file:
        api.upload_file(path_or_fileobj=file, path_in_repo="opened.txt", repo_id=name)
    for target, content in {
        "bytes.txt": b"from bytes\n",
        "path.txt": b"from a path\n",
        "deep/er/object.txt": b"from an object\n",
        "opened.txt": b"from a path\n",
    }.items():
        check_file(lane, name, target, content, is_large=False)


@step("uploads large files from bytes, from a path and from a file object, in parts where they have many")
def large(lane):
    api, name = lane.api(), lane.repo("large")
    api.create_repo(name)
    path = lane.folder("large") / "local.bin"
    path.write_bytes(noise(f"path {lane.name}", PARTS))
    small = noise(f"small {lane.name}", 1000)
    api.upload_file(path_or_fileobj=small, path_in_repo="small.bin", repo_id=name)
    check_file(lane, name, "small.bin", small, is_large=True, has_xet=lane.has_xet)
    content = noise(f"bytes {lane.name}", PARTS)
    api.upload_file(path_or_fileobj=content, path_in_repo="bytes.safetensors", repo_id=name)
    check_file(lane, name, "bytes.safetensors", content, is_large=True, has_xet=lane.has_xet)
    api.upload_file(path_or_fileobj=path, path_in_repo="path.bin", repo_id=name)
    check_file(lane, name, "path.bin", noise(f"path {lane.name}", PARTS), is_large=True, has_xet=lane.has_xet)
    # A file object goes through LFS in every era: there is no path that Xet could read.
    content = noise(f"object {lane.name}", PARTS)
    api.upload_file(path_or_fileobj=io.BytesIO(content), path_in_repo="object.bin", repo_id=name)
    check_file(lane, name, "object.bin", content, is_large=True, has_xet=False)
    # Text by its name, but too large for a commit's own body.
    content = b"a line of a log\n" * (11 * MIB // 16)
    api.upload_file(path_or_fileobj=content, path_in_repo="long.txt", repo_id=name)
    check_file(lane, name, "long.txt", content, is_large=True)


@step("keeps both versions of a large file that was changed in its middle")
def changed(lane):
    api, name = lane.api(), lane.repo("changed")
    api.create_repo(name)
    before = noise(f"changed {lane.name}", PARTS)
    after = before[: 5 * MIB] + b"put in between" + before[6 * MIB :]
    first = api.upload_file(path_or_fileobj=before, path_in_repo="w.bin", repo_id=name).oid
    api.upload_file(path_or_fileobj=after, path_in_repo="w.bin", repo_id=name)
    check_file(lane, name, "w.bin", after, is_large=True, has_xet=lane.has_xet)
    path = api.hf_hub_download(name, "w.bin", revision=first, cache_dir=lane.work / "changed-cache")
    with open(path, "rb") as file:
        assert file.read() == before


@step("makes no commit of a file that is there already")
def unchanged(lane):
    api, name = lane.api(), lane.repo("unchanged")
    api.create_repo(name)
    for path, content in {"same.txt": b"same\n", "same.bin": noise("same", 5000)}.items():
        first = api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=name)
        again = api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=name)
        assert again.oid == first.oid == api.repo_info(name).sha
    assert len(api.list_repo_commits(name)) == 3


@step("uploads a folder of 600 files with nested folders, awkward names and files of 60 MB, and gives it back")
def folder(lane):
    api, name = lane.api(), lane.repo("folder")
    api.create_repo(name, repo_type="dataset")
    files = {f"data/part {number % 7}/{number % 11}/file-{number}.txt": b"line %d\n" % number for number in range(570)}
    files |= {path: f"content of {path}\n".encode() for path in AWKWARD_NAMES}
    files |= {
        "empty": b"",
        "one byte": b"1",
        "big/noise.safetensors": noise(f"folder {lane.name}", 60 * MIB + 1),
        "big/repetitive.bin": repetitive("folder", 60 * MIB + 7),
        "big/table.parquet": noise("table", 100_000),
        "binary without a known name": noise("binary", 3000),
    }
    assert len(files) == 600
    source = lane.folder("folder")
    write_tree(source, {**files, "left out.tmp": b"no", ".git/config": b"no"})
    api.upload_folder(repo_id=name, repo_type="dataset", folder_path=source, ignore_patterns="*.tmp")
    assert set(api.list_repo_files(name, repo_type="dataset")) == {*files, ".gitattributes"}
    target = lane.work / "folder-copy"
    api.snapshot_download(name, repo_type="dataset", local_dir=target)
    assert_same_files(read_tree(target), files)

    commits = len(api.list_repo_commits(name, repo_type="dataset"))
    api.upload_folder(repo_id=name, repo_type="dataset", folder_path=source, ignore_patterns="*.tmp")
    assert len(api.list_repo_commits(name, repo_type="dataset")) == commits


@step("uploads a folder into a folder, replacing what it says is to be deleted")
def folder_into(lane):
    api, name = lane.api(), lane.repo("folder-into")
    api.create_repo(name)
    api.upload_file(path_or_fileobj=b"stays", path_in_repo="kept.txt", repo_id=name)
    source = lane.folder("folder-into")
    write_tree(source, {"a.txt": b"1", "b.md": b"1", "sub/c.txt": b"1"})
    api.upload_folder(repo_id=name, folder_path=source, path_in_repo="in/here", allow_patterns="*.txt")
    assert api.list_repo_files(name) == [".gitattributes", "in/here/a.txt", "in/here/sub/c.txt", "kept.txt"]
    (source / "a.txt").unlink()
    api.upload_folder(
        repo_id=name, folder_path=source, path_in_repo="in/here", delete_patterns="*", commit_description="Anew."
    )
    assert api.list_repo_files(name) == [".gitattributes", "in/here/b.md", "in/here/sub/c.txt", "kept.txt"]


# It waits ten seconds by itself, so the eras with hf_xet have to do.
@step("uploads a folder with many workers", when=lambda lane: lane.version < (2, 0) and lane.has_xet)
def large_folder(lane):
    api, name = lane.api(), lane.repo("many-workers")
    source = lane.folder("many-workers")
    files = {f"{number}.txt": b"%d" % number for number in range(20)} | {"w.bin": noise("w", 100_000)}
    write_tree(source, files)
    api.upload_large_folder(name, source, repo_type="model", num_workers=3, print_report=False)
    assert set(api.list_repo_files(name)) == {*files, ".gitattributes"}


@step("refuses a card with broken metadata, and says so")
def card(lane):
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.errors import HfHubHTTPError

    api, name = lane.api(), lane.repo("card")
    api.create_repo(name)
    good = b"---\nlicense: mit\ntags: [a, b]\n---\n# Card\n"
    api.upload_file(path_or_fileobj=good, path_in_repo="README.md", repo_id=name)
    info = api.model_info(name)
    assert info.card_data.license == "mit" and {"a", "b"} <= set(info.tags)
    with raises((HfHubHTTPError, ValueError)):
        operation = CommitOperationAdd("README.md", b"---\nlicense: [mit\n---\n")
        api.create_commit(name, [operation], commit_message="Broken")
    check_file(lane, name, "README.md", good, is_large=False)


@step("reads large files whatever way they came in")
def both_forms(lane):
    from huggingface_hub import hf_hub_download

    assert len(lane.large_files) == 2
    for file in lane.large_files:
        path = hf_hub_download(
            file["repo"], file["path"], endpoint=lane.endpoint, cache_dir=lane.work / "forms", token=False
        )
        with open(path, "rb") as content:
            assert hashlib.file_digest(content, "sha256").hexdigest() == file["sha256"], file
