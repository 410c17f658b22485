"""Commits made of operations."""

from content import noise
from failures import raises
from history import FIRST, history
from lane import step


@step("commits additions, copies, deletions and a deleted folder, and keeps what every revision held")
def operations(lane):
    api, made = lane.api(), history(lane)
    for revision, files in made.revisions.items():
        listed = api.list_repo_files(made.name, revision=revision)
        assert set(listed) == {*files, ".gitattributes"}, revision
    by_path = {entry.path: entry for entry in api.get_paths_info(made.name, list(made.revisions["main"]))}
    first = {entry.path: entry for entry in api.get_paths_info(made.name, list(FIRST), revision="v1")}
    assert by_path["copies/weights.bin"].blob_id == first["weights.bin"].blob_id
    assert by_path["copies/old-weights.bin"].lfs.sha256 == first["weights.bin"].lfs.sha256
    assert by_path["copies/old-a.txt"].blob_id == first["a.txt"].blob_id


@step("refuses a commit on another parent than the head, and takes it on the head")
def parent(lane):
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RevisionNotFoundError

    api, name = lane.api(), lane.repo("parents")
    api.create_repo(name)
    initial = api.repo_info(name).sha

    def commit(path, content, parent_commit, **more):
        add = [CommitOperationAdd(path, content)]
        return api.create_commit(name, add, commit_message=f"Add {path}", parent_commit=parent_commit, **more).oid

    first = commit("a.txt", b"1", initial)
    with raises(HfHubHTTPError, status=412):
        commit("b.txt", b"1", initial)
    assert commit("b.txt", b"1", first) == api.repo_info(name).sha
    assert api.list_repo_files(name) == [".gitattributes", "a.txt", "b.txt"]
    with raises(RevisionNotFoundError):
        commit("c.txt", b"1", None, revision="nowhere")
    with raises(EntryNotFoundError):
        api.create_commit(name, [CommitOperationDelete("absent.txt")], commit_message="Delete what is not there")
    for path in ("../up.txt", ".git/config", "a\\b.txt"):
        with raises((HfHubHTTPError, ValueError)):
            commit(path, b"1", None)
    assert len(api.list_repo_commits(name)) == 3


@step("takes one commit of more files than one page of a list shows, large and regular")
def many(lane):
    from huggingface_hub import CommitOperationAdd

    api, name = lane.api(), lane.repo("many")
    api.create_repo(name)
    files = {f"regular/{number}.txt": b"%d\n" % number for number in range(1100)}
    files |= {f"large/{number}.bin": noise(number, 2000) for number in range(20)}
    add = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit(name, add, commit_message="Many")
    assert set(api.list_repo_files(name)) == {*files, ".gitattributes"}
    assert [commit.title for commit in api.list_repo_commits(name)] == ["Many", "initial commit"]
    api.delete_files(name, ["regular/1*.txt", "large/*"])
    left = [path for path in files if not path.startswith(("regular/1", "large/"))]
    assert set(api.list_repo_files(name)) == {*left, ".gitattributes"}
    api.delete_folder("regular", name)
    assert api.list_repo_files(name) == [".gitattributes"]


@step("puts a file in the place of a folder, and a folder in the place of a file")
def replace(lane):
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    api, name = lane.api(), lane.repo("replaced")
    api.create_repo(name)

    def commit(*operations):
        api.create_commit(name, operations, commit_message="Change")
        return [path for path in api.list_repo_files(name) if path != ".gitattributes"]

    assert commit(CommitOperationAdd("thing/inside.txt", b"1")) == ["thing/inside.txt"]
    assert commit(CommitOperationDelete("thing/", is_folder=True), CommitOperationAdd("thing", b"2")) == ["thing"]
    assert commit(CommitOperationDelete("thing"), CommitOperationAdd("thing/again.txt", b"3")) == ["thing/again.txt"]
