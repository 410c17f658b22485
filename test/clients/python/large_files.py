"""The large files of a repository: uploaded ahead of their commit, copied, listed, and removed for good."""

from content import noise, sha256
from failures import raises
from lane import step


@step("uploads large files ahead of their commit")
def ahead(lane):
    from huggingface_hub import CommitOperationAdd

    api, name = lane.api(), lane.repo("ahead")
    api.create_repo(name)
    contents = {f"{number}.bin": noise(f"ahead {lane.name} {number}", 100_000 + number) for number in range(3)}
    additions = [CommitOperationAdd(path, content) for path, content in contents.items()]
    for addition in additions:
        api.preupload_lfs_files(name, [addition])
    api.create_commit(name, additions, commit_message="What was uploaded before")
    for path, content in contents.items():
        with open(api.hf_hub_download(name, path, cache_dir=lane.work / "ahead"), "rb") as file:
            assert file.read() == content


@step("lists the large files of all revisions, and removes them for good")
def removed(lane):
    api, name = lane.api(), lane.repo("removed")
    api.create_repo(name)
    first, second, kept = (noise(f"removed {lane.name} {number}", 50_000) for number in range(3))
    for path, content in (("w.bin", first), ("w.bin", second), ("kept.bin", kept), ("note.txt", b"note\n")):
        api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=name)
    files = list(api.list_lfs_files(name))
    assert {file.oid: file.size for file in files} == {sha256(each): 50_000 for each in (first, second, kept)}
    assert {file.filename for file in files} == {"w.bin", "kept.bin"}
    unwanted = [file for file in files if file.oid in (sha256(first), sha256(second))]
    api.permanently_delete_lfs_files(name, unwanted)
    assert [file.oid for file in api.list_lfs_files(name)] == [sha256(kept)]
    assert set(api.list_repo_files(name)) == {".gitattributes", "kept.bin", "note.txt"}
    for commit in api.list_repo_commits(name):
        assert "w.bin" not in api.list_repo_files(name, revision=commit.commit_id)
    with open(api.hf_hub_download(name, "kept.bin", cache_dir=lane.work / "removed"), "rb") as file:
        assert file.read() == kept
    with raises(Exception, status=403):
        lane.api("bo").permanently_delete_lfs_files(name, list(api.list_lfs_files(name)))


@step("copies files from one repository to another", when=lambda lane: lane.version >= (1, 19))
def copied(lane):
    api, source, target = lane.api(), lane.repo("copy-source"), lane.repo("copy-target")
    for name in (source, target):
        api.create_repo(name)
    large = noise(f"copied {lane.name}", 200_000)
    api.upload_file(path_or_fileobj=large, path_in_repo="in/large.bin", repo_id=source)
    api.upload_file(path_or_fileobj=b"small\n", path_in_repo="in/small.txt", repo_id=source)
    if lane.has_xet:
        api.copy_files(f"hf://{source}/in/large.bin", f"hf://{target}/large.bin")
        with open(api.hf_hub_download(target, "large.bin", cache_dir=lane.work / "copied"), "rb") as file:
            assert file.read() == large
    api.copy_files(f"hf://{source}/in/small.txt", f"hf://{target}/small.txt")
    with open(api.hf_hub_download(target, "small.txt", cache_dir=lane.work / "copied"), "rb") as file:
        assert file.read() == b"small\n"
