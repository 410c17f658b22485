"""The large files of a repository through the client: listed, removed from history, copied to another repository."""

import json
import os
import sys

facts = json.load(sys.stdin)
os.environ.update(HF_ENDPOINT=facts["endpoint"], HF_HOME=facts["home"], HOME=facts["home"])

from huggingface_hub import CommitOperationCopy, HfApi

api = HfApi(endpoint=facts["endpoint"], token=facts["token"])
name, other = "ada/lfs-files", "ada/lfs-files-copy"
api.create_repo(name)
api.create_repo(other)
for path in ("kept.bin", "checkpoints/gone.bin"):
    api.upload_file(path_or_fileobj=os.urandom(300_000), path_in_repo=path, repo_id=name)
[kept, gone] = sorted(api.list_lfs_files(name), key=lambda file: file.filename != "kept.bin")
assert (kept.filename, gone.filename) == ("kept.bin", "checkpoints/gone.bin")
assert (gone.ref, gone.size, gone.file_oid) == ("main", 300_000, gone.oid)

copy = CommitOperationCopy("kept.bin", "copied.bin", src_repo_id=name, src_repo_type="model")
api.create_commit(other, [copy], commit_message="Copy")
[copied] = api.get_paths_info(other, ["copied.bin"])
assert copied.lfs.sha256 == kept.oid

api.permanently_delete_lfs_files(name, [gone])
assert [file.filename for file in api.list_lfs_files(name)] == ["kept.bin"]
for commit in api.list_repo_commits(name):
    assert "checkpoints/gone.bin" not in api.list_repo_files(name, revision=commit.commit_id)
with open(api.hf_hub_download(name, "kept.bin"), "rb") as file:
    assert len(file.read()) == 300_000
