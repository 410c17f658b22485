"""Buckets: files without revisions, from their creation to their end."""

import os
import subprocess
import sys
import time

from content import noise
from failures import raises
from lane import prepared, step


def has_buckets(lane):
    return lane.has_xet and lane.version >= (1, 19)


@prepared
def filled(lane):
    """A bucket with files at its root and in folders."""
    api, bucket = lane.api(), lane.repo("bucket")
    api.create_bucket(bucket)
    contents = {
        "readme.txt": b"of a bucket\n",
        "logs.json": b"{}",
        "logs/day 1.txt": noise(f"logs {lane.name}", 300_000),
        "logs/deep/er/\u00e9.bin": noise(f"deep {lane.name}", 70_000),
    }
    api.batch_bucket_files(bucket, add=[(content, path) for path, content in contents.items()])
    return bucket, contents


def fetched(lane, bucket, path, folder):
    target = lane.work / folder / "file"
    lane.api().download_bucket_files(bucket, [(path, target)], raise_on_missing_files=True)
    return target.read_bytes()


@step("creates a bucket, describes and lists it", when=has_buckets)
def lives(lane):
    api, bucket = lane.api(), lane.repo("bucket-life")
    url = api.create_bucket(bucket.split("/")[1], private=True)
    assert url.bucket_id == bucket and url.url == f"{lane.endpoint}/buckets/{bucket}"
    assert api.create_bucket(bucket, exist_ok=True).bucket_id == bucket
    with raises(Exception, status=409):
        api.create_bucket(bucket)
    info = api.bucket_info(bucket)
    assert (info.id, info.private, info.size, info.total_files) == (bucket, True, 0, 0)
    assert list(api.list_bucket_tree(bucket)) == []
    assert bucket in [each.id for each in api.list_buckets()]
    assert [each.id for each in api.list_buckets("ada", search="bucket-life") if each.id == bucket] == [bucket]
    assert bucket not in [each.id for each in lane.api("bo").list_buckets("ada")]
    assert bucket not in [each.id for each in api.list_models(author="ada")]


@step("hides a private bucket", when=lambda lane: has_buckets(lane) and lane.version >= (1, 33))
def hidden(lane):
    from huggingface_hub.errors import BucketNotFoundError

    api, bucket = lane.api(), lane.repo("bucket-hidden")
    api.create_bucket(bucket, private=True)
    for person in ("bo", None):
        with raises(BucketNotFoundError, status=404 if person else 401):
            lane.api(person).bucket_info(bucket)
        with raises(BucketNotFoundError):
            list(lane.api(person).list_bucket_tree(bucket))
    api.update_bucket_settings(bucket, private=False)
    assert lane.api(None).bucket_info(bucket).private is False
    with raises(Exception, status=403):
        lane.api("bo").batch_bucket_files(bucket, delete=["a.txt"])
    api.delete_bucket(bucket)
    with raises(BucketNotFoundError, status=404):
        api.delete_bucket(bucket)
    api.delete_bucket(bucket, missing_ok=True)


@step("stores files in a bucket and reads them back", when=has_buckets)
def content(lane):
    api = lane.api()
    bucket, contents = filled(lane)
    info = api.bucket_info(bucket)
    assert (info.total_files, info.size) == (len(contents), sum(len(each) for each in contents.values()))
    assert {each.path for each in api.list_bucket_tree(bucket, recursive=True)} == set(contents)
    assert {each.path for each in api.list_bucket_tree(bucket)} == set(contents)
    top = list(api.list_bucket_tree(bucket, recursive=False))
    assert {each.path for each in top} == {"readme.txt", "logs.json", "logs"}
    assert all(abs(each.uploaded_at.timestamp() - time.time()) < 3600 for each in top)
    logs = api.list_bucket_tree(bucket, "logs/", recursive=False)
    assert {each.path for each in logs} == {"logs/day 1.txt", "logs/deep"}
    known = {each.path: each for each in api.get_bucket_paths_info(bucket, [*contents, "absent", "logs"])}
    assert {path: each.size for path, each in known.items()} == {path: len(each) for path, each in contents.items()}
    assert all(abs(each.mtime.timestamp() - time.time()) < 3600 for each in known.values())
    for number, (path, expected) in enumerate(contents.items()):
        assert api.get_bucket_file_metadata(bucket, path).size == len(expected)
        assert fetched(lane, bucket, path, f"bucket-{number}") == expected
    from huggingface_hub.errors import EntryNotFoundError

    with raises(EntryNotFoundError):
        api.get_bucket_file_metadata(bucket, "absent")


@step("replaces and deletes files of a bucket, and keeps empty ones", when=has_buckets)
def changed(lane):
    api, bucket = lane.api(), lane.repo("bucket-changed")
    api.create_bucket(bucket)
    first, second = noise(f"first {lane.name}", 90_000), noise(f"second {lane.name}", 80_000)
    api.batch_bucket_files(bucket, add=[(first, "a.bin"), (first, "twin.bin"), (b"", "empty.txt")])
    api.batch_bucket_files(bucket, add=[(second, "a.bin")], delete=["twin.bin"])
    assert fetched(lane, bucket, "a.bin", "bucket-changed") == second
    assert fetched(lane, bucket, "empty.txt", "bucket-empty") == b""
    assert [each.path for each in api.list_bucket_tree(bucket)] == ["a.bin", "empty.txt"]
    info = api.bucket_info(bucket)
    assert (info.total_files, info.size) == (2, len(second))
    api.batch_bucket_files(bucket, add=[(first, "again.bin")])
    assert fetched(lane, bucket, "again.bin", "bucket-again") == first


@step("copies into a bucket by hash, from where the caller may read", when=has_buckets)
def copied(lane):
    api, source, target = lane.api(), lane.repo("bucket-source"), lane.repo("bucket-target")
    bucket, contents = filled(lane)
    api.create_repo(source)
    large = noise(f"bucket copy {lane.name}", 250_000)
    api.upload_file(path_or_fileobj=large, path_in_repo="in/large.bin", repo_id=source)
    api.upload_file(path_or_fileobj=b"small\n", path_in_repo="in/small.txt", repo_id=source)
    api.create_bucket(target, private=True)
    api.copy_files(f"hf://{source}/in/", f"hf://buckets/{target}/from-repo/")
    api.copy_files(f"hf://buckets/{bucket}/logs/day 1.txt", f"hf://buckets/{target}/day.txt")
    assert {each.path for each in api.list_bucket_tree(target, recursive=True)} == {
        "from-repo/large.bin",
        "from-repo/small.txt",
        "day.txt",
    }
    assert fetched(lane, target, "from-repo/large.bin", "bucket-copied") == large
    assert fetched(lane, target, "day.txt", "bucket-day") == contents["logs/day 1.txt"]
    # A hash gives nothing to those who cannot read where it is.
    stolen = next(iter(api.get_bucket_paths_info(target, ["day.txt"]))).xet_hash
    own = lane.repo("bucket-thief", owner="bo")
    lane.api("bo").create_bucket(own)
    with raises(Exception):
        lane.api("bo").batch_bucket_files(own, copy=[("bucket", target, stolen, "mine.txt")])
    assert lane.api("bo").bucket_info(own).total_files == 0


@step("moves a bucket, which its former name leads to", when=has_buckets)
def moved(lane):
    api, before, after = lane.api(), lane.repo("bucket-before"), lane.repo("bucket-after")
    api.create_bucket(before)
    api.batch_bucket_files(before, add=[(b"moves along", "a.txt")])
    api.move_bucket(before, after)
    assert api.bucket_info(before).id == after
    assert fetched(lane, after, "a.txt", "bucket-moved") == b"moves along"
    api.delete_bucket(after)
    assert after not in [each.id for each in api.list_buckets()]


@step("syncs a folder with a bucket, both ways", when=has_buckets)
def synced(lane):
    api, bucket = lane.api(), lane.repo("bucket-sync")
    api.create_bucket(bucket)
    source = lane.folder("sync-source")
    (source / "sub").mkdir()
    (source / "sub" / "b.bin").write_bytes(noise(f"sync {lane.name}", 60_000))
    (source / "a.txt").write_bytes(b"first")
    api.sync_bucket(str(source), f"hf://buckets/{bucket}/data", quiet=True)
    plan = api.sync_bucket(str(source), f"hf://buckets/{bucket}/data", quiet=True, dry_run=True)
    assert plan.summary()["uploads"] == 0, plan
    os.remove(source / "a.txt")
    api.sync_bucket(str(source), f"hf://buckets/{bucket}/data", delete=True, quiet=True)
    target = lane.folder("sync-target")
    api.sync_bucket(f"hf://buckets/{bucket}/data", str(target), quiet=True)
    files = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert files == {"sub/b.bin"}
    assert (target / "sub" / "b.bin").read_bytes() == (source / "sub" / "b.bin").read_bytes()


@step("reads and writes a bucket as a file system", when=has_buckets)
def file_system(lane):
    from huggingface_hub import HfFileSystem

    bucket, contents = filled(lane)
    files = HfFileSystem(endpoint=lane.endpoint, token=lane.token("ada"), skip_instance_cache=True)
    root = f"hf://buckets/{bucket}"
    assert files.cat(f"{root}/readme.txt") == contents["readme.txt"]
    assert files.isdir(f"{root}/logs") and files.isfile(f"{root}/logs.json")
    names = {path.removeprefix(f"buckets/{bucket}/") for path in files.ls(f"{root}/logs", detail=False)}
    assert names == {"logs/day 1.txt", "logs/deep"}
    found = {path.removeprefix(f"buckets/{bucket}/") for path in files.find(root)}
    assert found >= set(contents)
    with files.open(f"{root}/logs/day 1.txt", "rb", block_size=65_536) as file:
        file.seek(200_000)
        assert file.read(10) == contents["logs/day 1.txt"][200_000:200_010]
    with files.open(f"{root}/written.txt", "wb") as file:
        file.write(b"by the file system")
    files.invalidate_cache()
    assert files.cat(f"{root}/written.txt") == b"by the file system"
    files.rm(f"{root}/written.txt")
    files.invalidate_cache()
    assert not files.exists(f"{root}/written.txt")


@step("works on buckets from the command line", when=lambda lane: has_buckets(lane) and lane.version >= (2, 4))
def command_line(lane):
    bucket = lane.repo("bucket-line")
    folder = lane.folder("bucket-line")
    (folder / "a.txt").write_bytes(b"from the line\n")
    hf = [os.path.join(os.path.dirname(sys.executable), "hf"), "buckets"]

    def run(*arguments):
        env = {**os.environ, "HF_TOKEN": lane.token("ada")}
        result = subprocess.run([*hf, *arguments], env=env, capture_output=True, text=True, check=False)
        assert result.returncode == 0, (arguments, result.stdout, result.stderr)
        return result.stdout

    run("create", bucket)
    run("cp", str(folder / "a.txt"), f"hf://buckets/{bucket}/in/a.txt")
    assert "in/a.txt" in run("list", bucket, "--recursive")
    assert bucket in run("info", bucket)
    run("list", "--search", "bucket-line")
    run("cp", f"hf://buckets/{bucket}/in/a.txt", str(folder / "b.txt"))
    assert (folder / "b.txt").read_bytes() == b"from the line\n"
    run("rm", f"{bucket}/in/a.txt", "--yes")
    run("move", bucket, f"{bucket}-moved")
    run("delete", f"{bucket}-moved", "--yes")
