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
