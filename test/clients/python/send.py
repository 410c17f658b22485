"""One upload, as a process that a test may end at any time. Its facts are JSON on the standard input."""

import json
import os
import sys

facts = json.load(sys.stdin)
os.environ.update(HF_ENDPOINT=facts["endpoint"], HF_HOME=facts["home"], HOME=facts["home"])

from huggingface_hub import HfApi

api = HfApi(endpoint=facts["endpoint"], token=facts["token"])
repo, source = facts["repo"], facts["source"]
api.create_repo(repo, exist_ok=True, private=facts.get("private", False))
match facts["call"]:
    case "file":
        api.upload_file(path_or_fileobj=source, path_in_repo=facts["path"], repo_id=repo)
    case "folder":
        api.upload_folder(folder_path=source, repo_id=repo)
    case "large-folder":
        api.upload_large_folder(repo, source, repo_type="model", num_workers=3, print_report=False)
