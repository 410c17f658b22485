"""What becomes of repositories: moved, duplicated, set and deleted, and found by their former names."""

from command_line import shell
from failures import raises
from lane import step


def filled(lane, name, **more):
    api, repo = lane.api(), lane.repo(name)
    api.create_repo(repo, **more)
    kind = more.get("repo_type")
    api.upload_file(path_or_fileobj=b"one\n", path_in_repo="a.txt", repo_id=repo, repo_type=kind)
    api.upload_file(path_or_fileobj=bytes(range(256)) * 300, path_in_repo="w.bin", repo_id=repo, repo_type=kind)
    return api, repo


@step("moves a repository, and clients with its former name go on working")
def move(lane):
    api, old = filled(lane, "move-old")
    middle, new = lane.repo("move-middle"), lane.repo("move-new")
    api.create_tag(old, tag="v1")
    before = api.model_info(old)
    api.move_repo(old, middle)
    api.move_repo(middle, new)
    after = api.model_info(new)
    assert (after.id, after.sha) == (new, before.sha)
    assert [ref.name for ref in api.list_repo_refs(new).tags] == ["v1"]
    assert api.model_info(old).id == new and api.repo_exists(old)
    path = api.hf_hub_download(old, "w.bin", cache_dir=lane.work / "moved")
    with open(path, "rb") as file:
        assert file.read() == bytes(range(256)) * 300
    # A redirect of POST keeps its body.
    api.upload_file(path_or_fileobj=b"two\n" * 50_000, path_in_repo="b.txt", repo_id=old)
    api.upload_file(path_or_fileobj=bytes(range(256)) * 400, path_in_repo="late.bin", repo_id=middle)
    assert api.list_repo_files(new) == [".gitattributes", "a.txt", "b.txt", "late.bin", "w.bin"]
    folder = api.snapshot_download(old, local_dir=lane.folder("moved-snapshot"))
    with open(f"{folder}/b.txt", "rb") as file:
        assert file.read() == b"two\n" * 50_000


@step("moves nothing onto another repository, and nothing of others")
def move_refused(lane):
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    api, repo = lane.api(), lane.repo("move-stays")
    api.create_repo(repo)
    with raises(HfHubHTTPError, status=409, text=f"A model repository called `{lane.repo('move-new')}` already exists"):
        api.move_repo(repo, lane.repo("move-new"))
    with raises(HfHubHTTPError, status=403):
        lane.api("bo").move_repo(repo, lane.repo("stolen", owner="bo"))
    with raises(HfHubHTTPError, status=403):
        api.move_repo(repo, lane.repo("given", owner="bo"))
    with raises(RepositoryNotFoundError):
        api.move_repo(lane.repo("move-absent"), lane.repo("move-anywhere"))
    api.move_repo(repo, repo)
    # A new repository may take a name that was freed.
    api.create_repo(lane.repo("move-old"))
    assert api.model_info(lane.repo("move-old")).id == lane.repo("move-old")


@step("duplicates a space", when=lambda lane: lane.version < (2, 0))
def duplicate_space(lane):
    api, source = filled(lane, "space", repo_type="space", space_sdk="static")
    url = api.duplicate_space(source, lane.repo("space-copy"), private=True)
    assert (url.repo_id, url.repo_type) == (lane.repo("space-copy"), "space"), url
    info = api.space_info(url.repo_id)
    assert info.private and info.sha == api.space_info(source).sha
    assert api.duplicate_space(source, url.repo_id, exist_ok=True).repo_id == url.repo_id


@step("duplicates with history, tags and large files", when=lambda lane: lane.version >= (1, 19))
def duplicate(lane):
    from huggingface_hub.errors import HfHubHTTPError

    api, source = filled(lane, "original")
    api.create_tag(source, tag="v1", tag_message="first")
    api.create_branch(source, branch="dev")
    url = api.duplicate_repo(source, lane.repo("copy"))
    assert url.repo_id == lane.repo("copy") and not getattr(url, "files_copy_pending", False)
    assert api.model_info(url.repo_id).sha == api.model_info(source).sha
    commits = [commit.commit_id for commit in api.list_repo_commits(source)]
    assert [commit.commit_id for commit in api.list_repo_commits(url.repo_id)] == commits
    refs = api.list_repo_refs(url.repo_id)
    assert sorted(branch.name for branch in refs.branches) == ["dev", "main"]
    assert [tag.name for tag in refs.tags] == ["v1"]
    with raises(HfHubHTTPError, status=409):
        api.duplicate_repo(source, url.repo_id)
    assert api.duplicate_repo(source, url.repo_id, exist_ok=True).repo_id == url.repo_id
    api.delete_repo(source)
    path = api.hf_hub_download(url.repo_id, "w.bin", cache_dir=lane.work / "copied")
    with open(path, "rb") as file:
        assert file.read() == bytes(range(256)) * 300
    mine = lane.api("bo").duplicate_repo(url.repo_id, private=True)
    assert mine.repo_id == lane.repo("copy", owner="bo") and lane.api("bo").model_info(mine.repo_id).private


@step("moves, duplicates, sets and deletes from the command line", when=lambda lane: lane.version >= (2, 0))
def by_command(lane):
    api, source = filled(lane, "command")

    def run(*command, fails=False):
        shell(lane).run(*command, "--token", lane.tokens["ada"], fails=fails)

    run("repos", "move", source, lane.repo("command-moved"))
    run("repos", "duplicate", lane.repo("command-moved"), lane.repo("command-copy"), "--private")
    assert api.model_info(lane.repo("command-copy")).private
    run("repos", "settings", lane.repo("command-copy"), "--public")
    assert not api.model_info(lane.repo("command-copy")).private
    run("repos", "settings", lane.repo("command-copy"), "--gated", "false")
    run("repos", "settings", lane.repo("command-copy"), "--gated", "auto", fails=True)
    run("repos", "delete", lane.repo("command-copy"), "--yes")
    assert not api.repo_exists(lane.repo("command-copy")) and api.repo_exists(source)


@step("checks the metadata of cards as clients show it", when=lambda lane: lane.version >= (2, 2))
def card(lane):
    from huggingface_hub import ModelCard, ModelCardData

    data = ModelCardData(license="mit", language="en", tags=["a"])
    card = ModelCard(f"---\n{data.to_yaml()}\n---\n# Card\n")
    card.validate()
    card.data.license = "asdf"
    with raises(ValueError, text='- Error: "license" must be one of'):
        card.validate()
    card.data.license = "mit"
    repo = lane.repo("checked-card")
    lane.api().create_repo(repo)
    card.push_to_hub(repo, token=lane.token("ada"))
    assert ModelCard.load(repo, token=lane.token("ada")).data.license == "mit"
