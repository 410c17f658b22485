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
