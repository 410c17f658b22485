"""Who likes what, who people are, and how often something was downloaded."""

import json
import time
import urllib.request

from content import noise, write_tree
from failures import raises
from lane import step

# Counts are written every two seconds.
WRITTEN_SECONDS = 3


def call(lane, person, method, path):
    """What only pages do, and no function of the client."""
    request = urllib.request.Request(lane.endpoint + path, method=method)
    request.add_header("Authorization", f"Bearer {lane.tokens[person]}")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def like(lane, person, name, kind="models"):
    assert call(lane, person, "POST", f"/api/{kind}/{name}/like")["liked"]


@step("takes likes back, and lists who likes what")
def likes(lane):
    from huggingface_hub.errors import RepositoryNotFoundError

    api, stranger = lane.api(), lane.api("bo")
    name, secret = lane.repo("liked"), lane.repo("liked-in-secret")
    api.create_repo(name)
    api.create_repo(name, repo_type="dataset")
    api.create_repo(secret, private=True)
    for person in ("ada", "bo"):
        like(lane, person, name)
    like(lane, "ada", name, "datasets")
    like(lane, "ada", secret)
    assert [user.username for user in api.list_repo_likers(name)] == ["bo", "ada"]
    assert [user.fullname for user in api.list_repo_likers(name, repo_type="dataset")] == ["Ada of the Tides"]
    own, seen = api.list_liked_repos(), stranger.list_liked_repos("ada")
    assert own.user == "ada" and {name, secret} <= set(own.models) and name in own.datasets
    assert name in seen.models and secret not in seen.models and name in seen.datasets
    assert own.total == len(own.models) + len(own.datasets) + len(own.spaces)

    api.unlike(name)
    api.unlike(name)
    api.unlike(name, repo_type="dataset")
    assert [user.username for user in api.list_repo_likers(name)] == ["bo"]
    assert name not in api.list_liked_repos("ada").models
    for ask in (lambda: stranger.unlike(secret), lambda: list(stranger.list_repo_likers(secret))):
        with raises(RepositoryNotFoundError, status=404):
            ask()


@step("lists what its owner holds, with the room that it takes", when=lambda lane: lane.version >= (1, 19))
def storage(lane):
    api, name = lane.api(), lane.repo("takes-room")
    api.create_repo(name, private=True)
    api.upload_file(path_or_fileobj=bytes(200_000), path_in_repo="zeros.bin", repo_id=name)
    mine = {repo.id: repo for repo in api.list_user_repos()}
    assert mine[name].visibility == "private" and mine[name].storage >= 200_000
    assert all(repo.id.startswith("lab/") for repo in lane.api("mia").list_user_repos("lab"))


@step("describes people and organizations")
def overviews(lane):
    api, stranger = lane.api(), lane.api("bo")
    api.create_repo(lane.repo("counted-in-secret"), private=True)
    ada, shown = api.get_user_overview("ada"), stranger.get_user_overview("ada")
    assert (ada.username, ada.fullname, ada.is_pro, ada.num_followers) == ("ada", "Ada of the Tides", False, 0)
    assert ada.num_models > shown.num_models >= 0
    assert [organization.name for organization in shown.orgs] == ["lab"]
    assert {user.username for user in api.list_organization_members("lab")} == {"ada", "mia", "vic"}
    assert list(api.list_user_followers("ada")) == [] == list(api.list_user_following("ada"))
    asked = [
        lambda: api.get_user_overview("nobody"),
        lambda: list(api.list_organization_members("nobody")),
        lambda: list(api.list_user_followers("nobody")),
        lambda: list(api.list_user_following("nobody")),
    ]
    if hasattr(api, "get_organization_overview"):
        lab = api.get_organization_overview("lab")
        assert (lab.name, lab.num_users, lab.num_followers) == ("lab", 3, 0)
        asked.append(lambda: api.get_organization_overview("nobody"))
    if hasattr(api, "list_organization_followers"):
        assert list(api.list_organization_followers("lab")) == []
        asked.append(lambda: list(api.list_organization_followers("nobody")))
    for ask in asked:
        # 0.36 lets an exception of `requests` through.
        with raises(Exception, status=404):
            ask()


@step("counts a download once, whatever it takes to make it")
def downloads(lane):
    owner, reader = lane.api(), lane.api("bo")
    source = lane.folder("counted-source")
    write_tree(source, {"config.json": b"{}", "sub/a.txt": b"a", "w.bin": noise("counted", 300_000)})
    ways = {
        "one-file": lambda name, cache: reader.hf_hub_download(name, "config.json", cache_dir=cache),
        "large-file": lambda name, cache: reader.hf_hub_download(name, "w.bin", cache_dir=cache),
        "whole": lambda name, cache: reader.snapshot_download(name, cache_dir=cache),
        "large-only": lambda name, cache: reader.snapshot_download(
            name, allow_patterns="*.bin", cache_dir=cache
        ),
    }
    for way, fetch in ways.items():
        name = lane.repo(f"counted-{way}")
        owner.create_repo(name)
        owner.upload_folder(repo_id=name, folder_path=source)
        fetch(name, lane.work / f"counted-{way}")
    time.sleep(WRITTEN_SECONDS)
    counted = {
        way: call(lane, "bo", "GET", f"/api/models/{lane.repo(f'counted-{way}')}/stats")["downloads"]
        for way in ways
    }
    assert counted == {way: 1 for way in ways}
