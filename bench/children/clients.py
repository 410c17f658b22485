"""Does one thing with huggingface_hub, as the JSON argument says, and prints how many seconds that took."""

import json
import os
import pathlib
import random
import sys
import time

job = json.loads(sys.argv[1])
os.environ.update(HF_ENDPOINT=job["endpoint"], HF_HOME=job["home"], HF_HUB_DISABLE_PROGRESS_BARS="1")
os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", NO_PROXY="127.0.0.1")

from huggingface_hub import HfApi  # noqa: E402

api = HfApi(endpoint=job["endpoint"], token=job["token"])
folder = pathlib.Path(job.get("folder", "/nonexistent"))


def write_small_files():
    for index in range(600):
        path = folder / f"d{index // 50}" / f"f{index}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(index).randbytes(1_000).hex().encode())


def write_snapshot():
    write_small_files()
    for index in range(20):
        (folder / f"part-{index}.bin").write_bytes(os.urandom(2 * 2**20))
    for index in range(2):
        (folder / f"readme-{index}.md").write_bytes(b"text\n")


def write_noise():
    with open(folder / "noise.bin", "wb") as file:
        for _ in range(job["megabytes"]):
            file.write(os.urandom(2**20))


def edit_noise():
    """One place of a hundredth of the file, anew."""
    size = os.path.getsize(folder / "noise.bin")
    with open(folder / "noise.bin", "r+b") as file:
        file.seek(size // 3)
        file.write(os.urandom(size // 100))


def write_text():
    """What LZ4 makes smaller: numbers as text."""
    numbers = random.Random(1)
    with open(folder / "text.bin", "w") as file:
        for _ in range(job["megabytes"]):
            line = " ".join(str(numbers.randrange(10_000)) for _ in range(2_000))
            file.write((line + "\n") * (2**20 // (len(line) + 1)))


def upload_folder():
    api.upload_folder(repo_id=job["repo"], folder_path=folder)


def upload_file():
    path = folder / job["file"]
    api.upload_file(repo_id=job["repo"], path_or_fileobj=path, path_in_repo=job["file"])


def snapshot():
    held = api.snapshot_download(job["repo"], cache_dir=folder)
    assert len([path for path in pathlib.Path(held).rglob("*") if path.is_file()]) >= job["files"]


folder.mkdir(parents=True, exist_ok=True)
if "first" in job:
    globals()[job["first"]]()
started = time.monotonic()
globals()[job["do"]]()
print(time.monotonic() - started)
