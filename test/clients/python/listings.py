"""What the hub tells about files, folders and history."""

from content import git_blob_id, lfs_pointer, sha256
from failures import raises
from history import FIRST, history
from lane import step


@step("lists trees, whole and folder by folder, with the ids of git and of LFS")
def tree(lane):
    from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError
    from huggingface_hub.hf_api import RepoFile, RepoFolder

    api, made = lane.api(), history(lane)
    whole = list(api.list_repo_tree(made.name, revision="v1", recursive=True))
    files = {entry.path: entry for entry in whole if isinstance(entry, RepoFile)}
    assert set(files) == {*FIRST, ".gitattributes"}
    for path, content in FIRST.items():
        assert files[path].size == len(content)
        if path == "weights.bin":
            assert files[path].lfs.sha256 == sha256(content)
            assert files[path].lfs.pointer_size == len(lfs_pointer(content))
            assert files[path].blob_id == git_blob_id(lfs_pointer(content))
            if hasattr(files[path], "xet_hash"):
                assert (files[path].xet_hash is not None) == lane.has_xet
        else:
            assert files[path].lfs is None and files[path].blob_id == git_blob_id(content)
    folders = {entry.path: entry.tree_id for entry in whole if isinstance(entry, RepoFolder)}
    assert set(folders) == {"folder", "folder/deep", "50% off"}
    assert all(len(tree_id) == 40 for tree_id in folders.values())
    assert {entry.path for entry in api.list_repo_tree(made.name, "folder", revision="v1")} == {
        "folder/b.txt",
        "folder/deep",
    }
    awkward = [entry.path for entry in api.list_repo_tree(made.name, "50% off", recursive=True)]
    assert awkward == ["50% off/größe + 1.txt"]
    with raises(EntryNotFoundError):
        list(api.list_repo_tree(made.name, "absent"))
    with raises(RevisionNotFoundError):
        list(api.list_repo_tree(made.name, revision="nowhere"))


@step("says which commit last changed each file and folder")
def last_commits(lane):
    api, made = lane.api(), history(lane)
    titles = {
        "README.md": "first",
        "a.txt": "head",
        "weights.bin": "head",
        "copies": "head",
        "copies/a.txt": "changed",
        "copies/weights.bin": "changed",
        "copies/old-a.txt": "head",
        "new.txt": "changed",
        "50% off": "first",
        ".gitattributes": "initial",
    }
    expanded = {entry.path: entry for entry in api.list_repo_tree(made.name, recursive=True, expand=True)}
    told = {entry.path: entry for entry in api.get_paths_info(made.name, [*titles, "absent"], expand=True)}
    assert set(told) == set(titles)
    for path, commit in titles.items():
        for entry in (expanded[path], told[path]):
            assert entry.last_commit.oid == made.commits[commit], (path, entry.last_commit)
    assert expanded["new.txt"].last_commit.title == "Copy and delete"
    [at_tag] = api.get_paths_info(made.name, ["a.txt"], revision="v1", expand=True)
    assert at_tag.last_commit.oid == made.commits["first"]


@step("lists commits newest first, with authors and messages")
def commits(lane):
    from huggingface_hub.errors import RevisionNotFoundError

    api, made = lane.api(), history(lane)
    listed = api.list_repo_commits(made.name, formatted=True)
    assert [commit.commit_id for commit in listed] == [
        made.commits[name] for name in ("head", "changed", "first", "initial")
    ]
    assert [commit.title for commit in listed] == ["Change and clear", "Copy and delete", "Add all", "initial commit"]
    assert listed[2].message == "In one go." and listed[2].formatted_title == "Add all"
    assert all(commit.authors == ["ada"] for commit in listed)
    assert all(newer.created_at >= older.created_at for newer, older in zip(listed, listed[1:]))
    side = [commit.commit_id for commit in api.list_repo_commits(made.name, revision="dev/side")]
    assert side == [made.commits[name] for name in ("side", "first", "initial")]
    with raises(RevisionNotFoundError):
        api.list_repo_commits(made.name, revision="nowhere")


@step("describes a repository at a revision, with its files and their sizes")
def info(lane):
    from huggingface_hub.errors import RevisionNotFoundError

    api, made = lane.api(), history(lane)
    told = api.model_info(made.name, revision="v1", files_metadata=True)
    assert (told.sha, told.id) == (made.commits["first"], made.name)
    siblings = {file.rfilename: file for file in told.siblings}
    assert set(siblings) == {*FIRST, ".gitattributes"}
    for path, content in FIRST.items():
        assert siblings[path].size == len(content)
    assert siblings["a.txt"].blob_id == git_blob_id(FIRST["a.txt"])
    assert siblings["weights.bin"].lfs.sha256 == sha256(FIRST["weights.bin"])
    assert api.repo_info(made.name, revision=made.commits["changed"][:10]).sha == made.commits["changed"]
    assert api.repo_info(made.name, revision="dev/side").sha == made.commits["side"]
    expanded = api.model_info(made.name, expand=["sha", "lastModified", "private", "cardData"])
    assert (expanded.sha, expanded.private, expanded.author) == (made.commits["head"], False, None)
    assert expanded.card_data.license == "mit"
    with raises(RevisionNotFoundError):
        api.model_info(made.name, revision="nowhere")
    with raises(RevisionNotFoundError):
        api.model_info(made.name, revision="0" * 40)


@step("says what exists: repositories, revisions and files")
def existence(lane):
    api, made = lane.api(), history(lane)
    for revision in made.revisions:
        assert api.revision_exists(made.name, revision), revision
    for revision in ("refs/heads/main", "refs/heads/dev/side", "refs/tags/v1", made.commits["first"][:7]):
        assert api.revision_exists(made.name, revision), revision
    assert not api.revision_exists(made.name, "nowhere")
    assert not api.revision_exists(lane.repo("no-such-repo"), "main")
    assert api.file_exists(made.name, "50% off/größe + 1.txt")
    assert api.file_exists(made.name, "folder/b.txt", revision="v1")
    assert not api.file_exists(made.name, "folder/b.txt")
    assert not api.file_exists(made.name, "folder")
    assert not api.file_exists(lane.repo("no-such-repo"), "a.txt")
