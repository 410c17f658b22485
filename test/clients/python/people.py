"""Who may what: tokens, strangers, nobody, and the roles of an organization."""

from failures import raises
from lane import step


@step("says who a token belongs to, and refuses a bad one as such")
def whoami(lane):
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    me = lane.api().whoami()
    assert (me["name"], me["type"], me["fullname"]) == ("ada", "user", "Ada of the Tides")
    assert {org["name"]: org["roleInOrg"] for org in me["orgs"]} == {"lab": "admin"}
    assert me["auth"]["accessToken"]["role"] == "write"
    reader = lane.api("ada-read").whoami()
    assert (reader["name"], reader["auth"]["accessToken"]["role"]) == ("ada", "read")
    assert lane.api("vic").whoami()["orgs"][0]["roleInOrg"] == "read"
    if lane.version < (1, 0):
        assert lane.api("ada-read").get_token_permission() == "read"

    api = lane.api("wrong")
    # 0.36 turns it into an exception of `requests`.
    with raises(Exception, status=401):
        api.whoami()
    public = lane.repo("open")
    lane.api().create_repo(public)
    refusal = {"status": 401, "text": "Invalid credentials in Authorization header"}
    with raises(HfHubHTTPError, but_not=RepositoryNotFoundError, **refusal):
        api.model_info(public)
    with raises(HfHubHTTPError, but_not=RepositoryNotFoundError, **refusal):
        api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=public)


@step("hides a private repository from a stranger and from nobody, as if it did not exist")
def private(lane):
    from huggingface_hub.errors import RepositoryNotFoundError

    name = lane.repo("secret")
    owner = lane.api()
    owner.create_repo(name, private=True)
    owner.upload_file(path_or_fileobj=b"secret", path_in_repo="notes.txt", repo_id=name)
    for person in ("bo", None):
        api = lane.api(person)
        assert not api.repo_exists(name)
        assert not api.file_exists(name, "notes.txt")
        for ask in (
            lambda: api.model_info(name),
            lambda: api.list_repo_files(name),
            lambda: api.list_repo_refs(name),
            lambda: api.list_repo_commits(name),
            lambda: api.get_paths_info(name, ["notes.txt"]),
            lambda: api.hf_hub_download(name, "notes.txt", cache_dir=lane.work / "stranger"),
            lambda: api.snapshot_download(name, cache_dir=lane.work / "stranger"),
            lambda: api.auth_check(name),
        ):
            with raises(RepositoryNotFoundError, status=401 if person is None else 404):
                ask()
        with raises(RepositoryNotFoundError):
            api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=name)
        with raises(RepositoryNotFoundError):
            api.create_branch(name, branch="mine")
    assert not (lane.work / "stranger").exists() or not list((lane.work / "stranger").rglob("notes.txt"))
    reader = lane.api("ada-read")
    reader.auth_check(name)
    path = reader.hf_hub_download(name, "notes.txt", cache_dir=lane.work / "reader")
    with open(path, "rb") as file:
        assert file.read() == b"secret"


@step("lets read tokens and strangers read what is public, and write nothing")
def read_only(lane):
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    name = lane.repo("shown")
    lane.api().create_repo(name)
    head = lane.api().repo_info(name).sha
    for person in ("ada-read", "bo"):
        api = lane.api(person)
        assert api.list_repo_files(name) == [".gitattributes"]
        for change in (
            lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=name),
            lambda: api.upload_file(path_or_fileobj=b"\0" * 99, path_in_repo="x.bin", repo_id=name),
            lambda: api.delete_file(".gitattributes", name),
            lambda: api.create_branch(name, branch="b"),
            lambda: api.create_tag(name, tag="t"),
            lambda: api.delete_repo(name),
        ):
            with raises(HfHubHTTPError, status=403, but_not=RepositoryNotFoundError):
                change()
    with raises(HfHubHTTPError, status=403):
        lane.api("ada-read").create_repo(lane.repo("not-made"))
    with raises(HfHubHTTPError):
        lane.api(None).upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=name)
    assert lane.api(None).repo_info(name).sha == head
    assert lane.api("bo").create_repo(name, exist_ok=True).repo_id == name


@step("lets members of an organization write, visitors read, and outsiders see what is public")
def organization(lane):
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    name = lane.repo("team", owner="lab")
    member = lane.api("mia")
    member.create_repo(name, private=True)
    member.upload_file(path_or_fileobj=b"one", path_in_repo="one.txt", repo_id=name)
    lane.api("ada").upload_file(path_or_fileobj=b"two", path_in_repo="two.txt", repo_id=name)
    visitor = lane.api("vic")
    assert visitor.list_repo_files(name) == [".gitattributes", "one.txt", "two.txt"]
    with raises(HfHubHTTPError, status=403, but_not=RepositoryNotFoundError):
        visitor.upload_file(path_or_fileobj=b"three", path_in_repo="three.txt", repo_id=name)
    with raises(HfHubHTTPError, status=403):
        visitor.create_repo(lane.repo("by-visitor", owner="lab"))
    with raises(RepositoryNotFoundError):
        lane.api("bo").list_repo_files(name)
    with raises(HfHubHTTPError, status=403):
        lane.api("bo").create_repo(lane.repo("by-outsider", owner="lab"))
    shown = lane.repo("team-public", owner="lab")
    member.create_repo(shown, repo_type="dataset")
    assert lane.api("bo").list_repo_files(shown, repo_type="dataset") == [".gitattributes"]
    with raises(HfHubHTTPError, status=403):
        lane.api("bo").delete_file(".gitattributes", shown, repo_type="dataset")
