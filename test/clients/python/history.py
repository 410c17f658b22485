"""A repository with a history that other steps look at: what every revision holds is known."""

import dataclasses
import os

from content import noise
from lane import prepared


@dataclasses.dataclass
class History:
    name: str
    # Branch, tag or commit id -> {path: bytes}, without .gitattributes.
    revisions: dict
    # Commit ids by name: first, initial, changed, head, side.
    commits: dict


# The large file has other bytes in every lane, so that each brings its own to the hub.
FIRST = {
    "README.md": b"---\nlicense: mit\n---\n# A history\n",
    "a.txt": b"alpha\n",
    "folder/b.txt": b"beta\n",
    "folder/deep/c.txt": b"gamma\n",
    "folder/deep/empty": b"",
    "weights.bin": noise(f"weights {os.environ['LANE']}", 300_000),
    "50% off/größe + 1.txt": b"awkward\n",
}


@prepared
def history(lane):
    """Made by three commits to main and one to a branch, with two tags."""
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete

    api, name = lane.api(), lane.repo("history")
    api.create_repo(name)
    commits = {"initial": api.repo_info(name).sha}

    add = [CommitOperationAdd(path, content) for path, content in FIRST.items()]
    commits["first"] = api.create_commit(name, add, commit_message="Add all", commit_description="In one go.").oid
    api.create_tag(name, tag="v1", tag_message="The first")

    changed = dict(FIRST)
    changed["copies/a.txt"] = FIRST["a.txt"]
    changed["copies/weights.bin"] = FIRST["weights.bin"]
    changed["new.txt"] = b"new\n"
    del changed["folder/b.txt"]
    operations = [
        CommitOperationCopy("a.txt", "copies/a.txt"),
        CommitOperationCopy("weights.bin", "copies/weights.bin"),
        CommitOperationDelete("folder/b.txt"),
        CommitOperationAdd("new.txt", changed["new.txt"]),
    ]
    commits["changed"] = api.create_commit(
        name, operations, commit_message="Copy and delete", parent_commit=commits["first"]
    ).oid

    head = {path: content for path, content in changed.items() if not path.startswith("folder/")}
    head["a.txt"] = b"alpha, changed\n"
    head["weights.bin"] = noise(f"other weights {lane.name}", 200_000)
    head["copies/old-a.txt"] = FIRST["a.txt"]
    head["copies/old-weights.bin"] = FIRST["weights.bin"]
    operations = [
        CommitOperationDelete("folder/", is_folder=True),
        CommitOperationAdd("a.txt", head["a.txt"]),
        CommitOperationAdd("weights.bin", head["weights.bin"]),
        CommitOperationCopy("a.txt", "copies/old-a.txt", src_revision=commits["first"]),
        CommitOperationCopy("weights.bin", "copies/old-weights.bin", src_revision="v1"),
    ]
    commits["head"] = api.create_commit(name, operations, commit_message="Change and clear").oid

    api.create_branch(name, branch="dev/side", revision="v1")
    side = {**FIRST, "side.txt": b"only here\n"}
    commits["side"] = api.upload_file(
        path_or_fileobj=side["side.txt"], path_in_repo="side.txt", repo_id=name, revision="dev/side"
    ).oid
    api.create_tag(name, tag="light", revision=commits["changed"])

    revisions = {
        "main": head,
        "dev/side": side,
        "v1": FIRST,
        "light": changed,
        commits["initial"]: {},
        commits["first"]: FIRST,
        commits["changed"]: changed,
        commits["head"]: head,
        commits["side"]: side,
    }
    return History(name, revisions, commits)
