"""The commands that come with the client."""

import json
import os
import pathlib
import subprocess
import sys

from content import assert_same_files, noise, read_tree, write_tree
from lane import prepared, step

FILES = {"one.txt": b"one\n", "sub/two & 2.txt": b"two\n", "w.safetensors": noise("cli", 70_000)}


class Shell:
    """A user's shell with a home of its own, in which `hf` remembers who signed in."""

    def __init__(self, lane):
        self.home = lane.folder("cli-home")
        self.environment = {**os.environ, "HF_HOME": str(self.home), "HOME": str(self.home), "NO_COLOR": "1"}
        self.bin = pathlib.Path(sys.executable).parent

    def run(self, *command, program="hf", fails=False):
        """What the command prints; its exit code must be 0, or must not when it `fails`."""
        done = subprocess.run(
            [self.bin / program, *command],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        output = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, f"{command} ended with {done.returncode}: {output}"
        return output


@prepared
def shell(lane):
    return Shell(lane)


def repos_command(lane):
    return "repo" if lane.version < (1, 0) else "repos"


@step("signs in by `hf auth login --token`, and `hf auth whoami` says who that is")
def login(lane):
    hf = shell(lane)
    assert "ada" not in hf.run("auth", "whoami", fails=lane.version >= (1, 0))
    hf.run("auth", "login", "--token", lane.tokens["wrong"], fails=True)
    hf.run("auth", "login", "--token", lane.tokens["ada"])
    assert (hf.home / "token").read_text() == lane.tokens["ada"]
    told = hf.run("auth", "whoami")
    assert "ada" in told and "lab" in told


@step("creates a repository, uploads and downloads a folder by `hf`")
def transfer(lane):
    hf, api, name = shell(lane), lane.api(), lane.repo("cli")
    hf.run(repos_command(lane), "create", name, "--private")
    assert api.repo_info(name).private
    source = lane.folder("cli-source")
    write_tree(source, FILES)
    hf.run("upload", name, str(source), "put/here", "--commit-message", "By hand")
    hf.run("upload", name, str(source / "one.txt"))
    assert api.list_repo_commits(name)[-2].title.startswith("By hand")
    expected = {**{f"put/here/{path}": content for path, content in FILES.items()}, "one.txt": FILES["one.txt"]}
    assert set(api.list_repo_files(name)) == {*expected, ".gitattributes"}
    hf.run(repos_command(lane), "tag", "create", name, "v1")
    target = lane.work / "cli-target"
    assert str(target) in hf.run("download", name, "--revision", "v1", "--local-dir", str(target))
    assert_same_files(read_tree(target), expected)
    one = hf.run("download", name, "one.txt")
    assert str(hf.home) in one
    hf.run("download", name, "absent.txt", fails=True)


@step("does the same by `huggingface-cli`", when=lambda lane: lane.version < (1, 0))
def old_program(lane):
    hf, name = shell(lane), lane.repo("old-cli")
    assert "ada" in hf.run("whoami", program="huggingface-cli")
    source = lane.folder("old-cli-source")
    write_tree(source, FILES)
    hf.run("upload", name, str(source), ".", program="huggingface-cli")
    target = lane.work / "old-cli-target"
    hf.run("download", name, "--local-dir", str(target), program="huggingface-cli")
    assert_same_files(read_tree(target), FILES)


@step("lists and describes repositories by `hf`", when=lambda lane: lane.version >= (1, 33))
def describe(lane):
    hf, name = shell(lane), lane.repo("cli")
    assert name in hf.run("models", "info", name)
    assert "one.txt" in hf.run("models", "ls", name)
    assert name in hf.run("models", "ls", "--author", "ada", "--search", name.split("/")[1], "--format", "json")
    assert "v1" in hf.run("repos", "tag", "list", name)
    hf.run("download", name)
    hf.run("cache", "verify", name)


@step("lists one's own repositories by `hf`, with the room they take", when=lambda lane: lane.version >= (2, 0))
def storage(lane):
    hf, name, team = shell(lane), lane.repo("cli"), lane.repo("cli-team", owner="lab")
    told = json.loads(hf.run("repos", "list", "--limit", "0", "--format", "json"))
    assert {"type": "model", "visibility": "private"}.items() <= next(one for one in told if one["id"] == name).items()
    lane.api().create_repo(team)
    assert team in hf.run("repos", "list", "--namespace", "lab", "--limit", "0", "--format", "json")
    hf.run("repos", "list", "--namespace", "nobody", fails=True)


@step("remembers several tokens, and forgets them", when=lambda lane: lane.version >= (1, 19))
def tokens(lane):
    hf = shell(lane)
    hf.run("auth", "login", "--token", lane.tokens["ada-read"])
    assert lane.tokens["ada-read"] in hf.run("auth", "token")
    assert hf.run("auth", "list").count("hf_") >= 2
    hf.run("auth", "switch", "--token-name", "write")
    assert (hf.home / "token").read_text() == lane.tokens["ada"]
    hf.run("auth", "logout", "--token-name", "read")
    assert "read" not in hf.run("auth", "list").split()


@step("manages branches, tags and files by `hf repos`", when=lambda lane: lane.version >= (1, 19))
def manage(lane):
    hf, api, name = shell(lane), lane.api(), lane.repo("cli-managed")
    hf.run("repos", "create", name)
    for path in ("a.json", "b.json", "keep.txt"):
        api.upload_file(path_or_fileobj=path.encode(), path_in_repo=path, repo_id=name)
    hf.run("repos", "branch", "create", name, "dev")
    hf.run("repos", "tag", "create", name, "v1")
    refs = api.list_repo_refs(name)
    assert {branch.name for branch in refs.branches} == {"main", "dev"} and [tag.name for tag in refs.tags] == ["v1"]
    assert "v1" in hf.run("repos", "tag", "list", name)
    hf.run("repos", "tag", "delete", name, "v1", "--yes")
    hf.run("repos", "branch", "delete", name, "dev")
    assert not api.revision_exists(name, "dev") and not api.revision_exists(name, "v1")
    hf.run("repos", "delete-files", name, "*.json")
    assert set(api.list_repo_files(name)) == {".gitattributes", "keep.txt"}
    if lane.version >= (2, 0):
        hf.run("cp", f"hf://{name}/keep.txt", str(lane.work / "copied.txt"))
        assert (lane.work / "copied.txt").read_bytes() == b"keep.txt"
        hf.run("repos", "cp", str(lane.work / "copied.txt"), f"hf://{name}/again.txt")
        hf.run("cp", f"hf://{name}/again.txt", f"hf://{lane.repo('cli')}/from-afar.txt")
        assert "from-afar.txt" in api.list_repo_files(lane.repo("cli"))


@step("browses models, data sets and spaces by `hf`", when=lambda lane: lane.version >= (2, 4))
def browse(lane):
    from descriptions import described

    hf, (model, dataset) = shell(lane), described(lane)
    space = lane.repo("cli-space")
    hf.run("repos", "create", space, "--type", "space", "--space-sdk", "static")
    word = model.split("/")[1].removesuffix("-model")
    filters = ["--search", word, "--filter", "tide-tables", "--sort", "last_modified", "--json"]
    for kind, name in (("models", model), ("datasets", dataset), ("spaces", space)):
        assert name in hf.run(kind, "info", name)
        assert ".gitattributes" in hf.run(kind, "ls", name)
        assert name in hf.run(kind, "ls", "--author", "ada", "--search", name.split("/")[1], "--json")
        if kind != "spaces":
            assert [found["id"] for found in json.loads(hf.run(kind, "ls", *filters))] == [name]
            assert "tide-tables" in hf.run(kind, "card", name)
    expanded = hf.run("models", "ls", "--search", word, "--expand", "downloads,likes,tags", "--json")
    assert json.loads(expanded)[0]["likes"] == 0
    hf.run("models", "ls", "--sort", "nothing", fails=True)


@step("cares for its cache by `hf`", when=lambda lane: lane.version >= (1, 33))
def cache(lane):
    hf, name = shell(lane), lane.repo("cli")
    hf.run("download", name, "--include", "*.txt")
    assert name in hf.run("cache", "list", "--format", "json")
    hf.run("cache", "verify", name)
    hf.run("cache", "rm", f"model/{name}", "--yes")
    assert name not in hf.run("cache", "list", "--format", "json")
