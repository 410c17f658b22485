"""That the steps before this one leave out no method of the client that touches repositories and content."""

import re

from buckets import has_buckets
from calls import called, public_methods, watch
from lane import step

# What the client offers beside repositories and content, by why no step calls it.
OUT_OF_SCOPE = {
    "Spaces do not run here": r".*space_(runtime|secrets?|variables?|volumes|logs|hardware|sleep_time|dev_mode|storage"
    r"|templates)$|.*spaces_hardware|(pause|restart|wait_for)_space|get_zero_gpu_quota",
    "jobs do not run here": r".*_jobs?(_.*)?$|.*scheduled.*|.*_jobs_hardware",
    "inference is served elsewhere": r".*inference.*",
    "papers are no content of a hub like this": r".*_papers?$|paper_info",
    "collections come later": r".*collection.*",
    "discussions and pull requests come later": r".*discussion.*|.*pull_request|upload_attachment",
    "access requests come later": r".*access(_requests?)?$",
    "webhooks come later": r".*webhooks?$",
    "goes to the large hub whatever the endpoint is": r"list_dataset_parquet_files",
}

# Of a file system, what never asks the hub anything.
LOCAL = r"sign|ukey|(to|from)_(json|dict)|unstrip_protocol|(start|end)_transaction|get_mapper"


@step("leaves out no method of the client that touches repositories and content")
def api(lane):
    from huggingface_hub import HfApi

    # Methods are looked up after they were wrapped, so a lane without any step before it fails here.
    names = public_methods(watch(HfApi))
    skipped = {name for name in names if any(re.fullmatch(rule, name) for rule in OUT_OF_SCOPE.values())}
    if lane.version < (2, 3):
        # It can read kernels, but not make them.
        skipped.add("kernel_info")
    if not has_buckets(lane):
        skipped |= {name for name in names if "bucket" in name}
    if not lane.has_xet:
        skipped.add("upload_large_folder")
    left_out = sorted(names - skipped - called(HfApi))
    assert left_out == [], left_out
    unused = [why for why, rule in OUT_OF_SCOPE.items() if not any(re.fullmatch(rule, name) for name in names)]
    assert lane.version < (2, 4) or unused == []


@step("leaves out no method of the file system")
def file_system(lane):
    from huggingface_hub import HfFileSystem

    names = public_methods(watch(HfFileSystem))
    left_out = sorted(name for name in names - called(HfFileSystem) if not re.fullmatch(LOCAL, name))
    assert left_out == [], left_out
