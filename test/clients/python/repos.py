"""Repositories: making, finding, describing and deleting them."""

from failures import raises
from lane import step


@step("creates models, datasets and spaces with a first commit, public and private")
def create(lane):
    api = lane.api()
    for kind, more in (("model", {}), ("dataset", {}), ("space", {"space_sdk": "static"})):
        for is_private in (False, True):
            name = lane.repo(f"new-{kind}-{'private' if is_private else 'public'}")
            url = api.create_repo(name, repo_type=kind, private=is_private, **more)
            prefix = "" if kind == "model" else f"{kind}s/"
            assert str(url) == f"{lane.endpoint}/{prefix}{name}", url
            assert (url.repo_id, url.repo_type, url.endpoint) == (name, kind, lane.endpoint)
            info = api.repo_info(name, repo_type=kind)
            assert (info.id, info.author, info.private) == (name, "ada", is_private)
            first = [".gitattributes", "README.md"] if kind == "space" else [".gitattributes"]
            assert api.list_repo_files(name, repo_type=kind) == first
            commits = api.list_repo_commits(name, repo_type=kind)
            assert [commit.title for commit in commits] == ["initial commit"]
            assert info.sha == commits[0].commit_id and info.last_modified >= commits[0].created_at
            assert [branch.name for branch in api.list_repo_refs(name, repo_type=kind).branches] == ["main"]
    assert api.space_info(lane.repo("new-space-public")).sdk == "static"


@step("creates nothing twice, and nothing with a wrong name")
def create_again(lane):
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api, name = lane.api(), lane.repo("twice")
    api.create_repo(name)
    head = api.repo_info(name).sha
    with raises(HfHubHTTPError, status=409):
        api.create_repo(name)
    assert api.create_repo(name, exist_ok=True).repo_id == name
    assert api.repo_info(name).sha == head
    assert api.create_repo(name, repo_type="dataset").repo_type == "dataset"
    with raises(HfHubHTTPError, status=409):
        api.create_repo(name.upper().replace("ADA/", "ada/"))
    with raises(HFValidationError):
        api.create_repo("ada/with space")
    with raises(HfHubHTTPError, status=400):
        api.create_repo("ada/con")


@step("finds repositories whatever the case of their names, and lists those of an author page by page")
def find(lane):
    api, name = lane.api(), lane.repo("Found-By-Name")
    api.create_repo(name)
    assert api.repo_info(name.lower()).id == name
    assert api.repo_exists(name) and not api.repo_exists(name + "-not")
    assert not api.repo_exists(name, repo_type="dataset")
    word = lane.repo("").split("/")[1].rstrip("-")
    for number in range(3):
        api.create_repo(lane.repo(f"listed-{number}"), repo_type="dataset")
    listed = [info.id for info in api.list_datasets(author="ada", search=f"{word}-listed")]
    assert sorted(listed) == [lane.repo(f"listed-{number}") for number in range(3)], listed
    assert len(list(api.list_datasets(author="ada", search=f"{word}-listed", limit=2))) == 2
    assert all(info.author == "ada" for info in api.list_models(author="ada"))
    private = lane.repo("new-model-private")
    assert private in [info.id for info in api.list_models(author="ada")]
    assert private not in [info.id for info in lane.api("bo").list_models(author="ada")]


@step("makes a public repository private, and public again")
def visibility(lane):
    from huggingface_hub.errors import HfHubHTTPError

    api, stranger, name = lane.api(), lane.api("bo"), lane.repo("visible")
    api.create_repo(name)
    assert stranger.repo_exists(name)
    api.update_repo_settings(name, private=True)
    assert api.repo_info(name).private and not stranger.repo_exists(name)
    api.update_repo_settings(name, private=False)
    assert stranger.repo_exists(name)
    with raises(HfHubHTTPError, status=403):
        stranger.update_repo_settings(name, private=True)
    if lane.version < (1, 0):
        api.update_repo_visibility(name, private=True)
        assert not stranger.repo_exists(name)


@step("keeps kernels beside models", when=lambda lane: lane.version >= (2, 3))
def kernels(lane):
    api, name = lane.api(), lane.repo("kernel")
    api.create_repo(name, repo_type="kernel")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="build/x.py", repo_id=name, repo_type="kernel")
    assert api.list_repo_files(name, repo_type="kernel") == [".gitattributes", "build/x.py"]
    path = api.hf_hub_download(name, "build/x.py", repo_type="kernel", cache_dir=lane.work / "kernels")
    with open(path, "rb") as file:
        assert file.read() == b"x"


@step("deletes repositories, and then they are gone")
def delete(lane):
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    api, name = lane.api(), lane.repo("deleted")
    api.create_repo(name)
    with raises(HfHubHTTPError, status=403):
        lane.api("bo").delete_repo(name)
    api.delete_repo(name)
    assert not api.repo_exists(name)
    with raises(RepositoryNotFoundError):
        api.model_info(name)
    with raises(RepositoryNotFoundError):
        api.delete_repo(name)
    api.delete_repo(name, missing_ok=True)
    api.create_repo(name)
    assert api.list_repo_files(name) == [".gitattributes"]
    api.delete_repo(name)
