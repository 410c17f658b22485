"""Large files that git-lfs pushed, fetched by huggingface_hub, and the other way round. Facts come as JSON."""

import json
import os
import sys

facts = json.load(sys.stdin)
os.environ.update(HF_ENDPOINT=facts["endpoint"], HF_HOME=facts["home"], HOME=facts["home"])

from huggingface_hub import HfApi

api = HfApi(endpoint=facts["endpoint"], token=facts["token"])
for path, local in facts.get("uploads", {}).items():
    api.upload_file(path_or_fileobj=local, path_in_repo=path, repo_id=facts["repo"])
for path, local in facts.get("downloads", {}).items():
    with open(api.hf_hub_download(facts["repo"], path), "rb") as got, open(local, "rb") as wanted:
        assert got.read() == wanted.read(), path
    [info] = api.get_paths_info(facts["repo"], [path])
    assert info.lfs is not None and info.lfs.size == os.path.getsize(local), path
