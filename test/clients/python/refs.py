"""Branches and tags."""

from failures import raises
from lane import step


@step("creates and deletes branches")
def branches(lane):
    from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

    api, name = lane.api(), lane.repo("branches")
    api.create_repo(name)
    initial = api.repo_info(name).sha
    api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=name)
    head = api.repo_info(name).sha
    api.create_branch(name, branch="dev")
    api.create_branch(name, branch="feature/from-the-start", revision=initial)
    api.create_branch(name, branch="again", revision="dev")
    with raises(HfHubHTTPError, status=409):
        api.create_branch(name, branch="dev")
    api.create_branch(name, branch="dev", exist_ok=True)
    with raises(RevisionNotFoundError):
        api.create_branch(name, branch="lost", revision="nowhere")
    with raises(HfHubHTTPError, status=400):
        api.create_branch(name, branch="not..valid")
    found = {branch.name: branch.target_commit for branch in api.list_repo_refs(name).branches}
    assert found == {"main": head, "dev": head, "again": head, "feature/from-the-start": initial}

    api.upload_file(path_or_fileobj=b"2", path_in_repo="b.txt", repo_id=name, revision="feature/from-the-start")
    assert api.list_repo_files(name, revision="feature/from-the-start") == [".gitattributes", "b.txt"]
    assert api.list_repo_files(name) == [".gitattributes", "a.txt"]

    api.delete_branch(name, branch="feature/from-the-start")
    assert not api.revision_exists(name, "feature/from-the-start")
    with raises(RevisionNotFoundError):
        api.delete_branch(name, branch="feature/from-the-start")
    with raises(HfHubHTTPError):
        api.delete_branch(name, branch="main")
    assert {branch.name for branch in api.list_repo_refs(name).branches} == {"main", "dev", "again"}


@step("creates and deletes tags")
def tags(lane):
    from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

    api, name = lane.api(), lane.repo("tags")
    api.create_repo(name)
    initial = api.repo_info(name).sha
    head = api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=name).oid
    api.create_tag(name, tag="v1", revision=initial)
    api.create_tag(name, tag="v2", tag_message="The second")
    api.create_tag(name, tag="release/3", revision="v2")
    with raises(HfHubHTTPError, status=409):
        api.create_tag(name, tag="v1")
    api.create_tag(name, tag="v1", exist_ok=True)
    with raises(RevisionNotFoundError):
        api.create_tag(name, tag="v4", revision="nowhere")
    tags = {tag.name: tag for tag in api.list_repo_refs(name).tags}
    assert set(tags) == {"v1", "v2", "release/3"}
    assert tags["v1"].target_commit == initial and tags["v1"].ref == "refs/tags/v1"
    assert api.repo_info(name, revision="v2").sha == api.repo_info(name, revision="release/3").sha == head
    assert api.list_repo_files(name, revision="v1") == [".gitattributes"]
    assert [commit.commit_id for commit in api.list_repo_commits(name, revision="v2")] == [head, initial]

    api.delete_tag(name, tag="release/3")
    with raises(RevisionNotFoundError):
        api.delete_tag(name, tag="release/3")
    with raises(RevisionNotFoundError):
        api.delete_tag(name, tag="main")
    with raises(HfHubHTTPError):
        api.upload_file(path_or_fileobj=b"2", path_in_repo="b.txt", repo_id=name, revision="v1")
    assert {tag.name for tag in api.list_repo_refs(name).tags} == {"v1", "v2"}


@step("publishes a converted ref, and reads it in every way")
def converted(lane):
    from content import noise
    from huggingface_hub import CommitOperationAdd, HfFileSystem, snapshot_download
    from huggingface_hub.errors import RevisionNotFoundError

    api, name, ref = lane.api(), lane.repo("converted"), "refs/convert/parquet"
    api.create_repo(name, repo_type="dataset")
    main = api.dataset_info(name).sha
    api.create_branch(name, repo_type="dataset", branch=ref)
    api.create_branch(name, repo_type="dataset", branch=ref, exist_ok=True)
    rows = noise(f"rows {lane.name}", 300_000)
    made = api.create_commit(
        name,
        [CommitOperationAdd("default/train/0000.parquet", rows), CommitOperationAdd("notes.md", b"converted\n")],
        commit_message="Convert",
        revision=ref,
        parent_commit=main,
        repo_type="dataset",
    )
    refs = api.list_repo_refs(name, repo_type="dataset", include_pull_requests=True)
    assert [(one.name, one.ref, one.target_commit) for one in refs.converts] == [("parquet", ref, made.oid)]
    assert [one.name for one in refs.branches] == ["main"] and refs.pull_requests == []

    assert [commit.commit_id for commit in api.list_repo_commits(name, repo_type="dataset", revision=ref)] == [
        made.oid,
        main,
    ]
    entries = list(api.list_repo_tree(name, repo_type="dataset", revision=ref, recursive=True, expand=True))
    found = {entry.path: entry.last_commit.oid for entry in entries}
    assert found["default"] == found["default/train/0000.parquet"] == made.oid
    assert found[".gitattributes"] == main
    [told] = api.get_paths_info(name, ["default/train/0000.parquet"], repo_type="dataset", revision=ref)
    assert told.size == len(rows)

    folder = snapshot_download(
        name,
        repo_type="dataset",
        revision=ref,
        endpoint=lane.endpoint,
        token=lane.token("ada"),
        cache_dir=lane.folder("converted"),
    )
    with open(f"{folder}/default/train/0000.parquet", "rb") as file:
        assert file.read() == rows
    fs = HfFileSystem(endpoint=lane.endpoint, token=lane.token("ada"), skip_instance_cache=True)
    root = f"datasets/{name}@{ref}"
    paths = [path.split("refs%2Fconvert%2Fparquet/")[-1].split(f"{ref}/")[-1] for path in fs.find(root)]
    assert sorted(paths) == [".gitattributes", "default/train/0000.parquet", "notes.md"]
    assert len(fs.glob(f"{root}/default/**/*.parquet")) == 1
    assert [len(files) for _, _, files in fs.walk(root)] == [2, 0, 1]
    assert fs.info(f"{root}/notes.md")["size"] == 10
    with fs.open(f"{root}/default/train/0000.parquet", "rb", block_size=64 * 1024) as file:
        file.seek(100_000)
        assert file.read(1234) == rows[100_000:101_234]

    assert api.list_repo_files(name, repo_type="dataset") == [".gitattributes"]
    api.delete_branch(name, repo_type="dataset", branch=ref)
    assert api.list_repo_refs(name, repo_type="dataset").converts == []
    with raises(RevisionNotFoundError):
        api.list_repo_commits(name, repo_type="dataset", revision=ref)


@step("squashes the history of a branch into one commit")
def super_squash(lane):
    from huggingface_hub.errors import HfHubHTTPError

    api, name = lane.api(), lane.repo("squashed")
    api.create_repo(name)
    for number in range(3):
        api.upload_file(path_or_fileobj=str(number).encode(), path_in_repo=f"{number}.txt", repo_id=name)
    api.create_branch(name, branch="dev/side")
    api.create_tag(name, tag="before")
    files = api.list_repo_files(name)

    api.super_squash_history(name, commit_message="All of it")
    assert [commit.title for commit in api.list_repo_commits(name)] == ["All of it"]
    assert api.list_repo_files(name) == files
    assert len(api.list_repo_commits(name, revision="dev/side")) == 4
    api.super_squash_history(name, branch="dev/side")
    assert len(api.list_repo_commits(name, revision="dev/side")) == 1
    assert api.list_repo_files(name, revision="dev/side") == files
    assert len(api.list_repo_commits(name, revision="before")) == 4

    api.create_branch(name, branch="refs/convert/parquet")
    api.upload_file(path_or_fileobj=b"p", path_in_repo="0.parquet", repo_id=name, revision="refs/convert/parquet")
    api.super_squash_history(name, branch="refs/convert/parquet")
    assert len(api.list_repo_commits(name, revision="refs/convert/parquet")) == 1
    assert "0.parquet" in api.list_repo_files(name, revision="refs/convert/parquet")

    api.upload_file(path_or_fileobj=b"after", path_in_repo="after.txt", repo_id=name)
    assert len(api.list_repo_commits(name)) == 2
    for branch in ("before", "absent"):
        with raises(HfHubHTTPError):
            api.super_squash_history(name, branch=branch)
