"""The hub as a file system."""

from calls import watch
from content import MIB, noise
from failures import raises
from history import FIRST, history
from lane import step


def open_filesystem(lane, person="ada"):
    from huggingface_hub import HfFileSystem

    return watch(HfFileSystem)(endpoint=lane.endpoint, token=lane.token(person), skip_instance_cache=True)


@step("is read as a file system: listed, searched, opened in ranges")
def reading(lane):
    fs, made = open_filesystem(lane, None), history(lane)
    root, tagged = made.name, f"{made.name}@v1"
    assert sorted(fs.ls(f"{tagged}/folder", detail=False)) == [f"{tagged}/folder/b.txt", f"{tagged}/folder/deep"]
    names = {entry["name"].removeprefix(f"{root}/"): entry for entry in fs.ls(root, detail=True)}
    assert {"README.md", "copies", "weights.bin", "50% off"} <= set(names)
    assert (names["copies"]["type"], names["a.txt"]["size"]) == ("directory", len(made.revisions["main"]["a.txt"]))
    found = {path.removeprefix(f"{tagged}/") for path in fs.find(tagged)}
    assert found == {*FIRST, ".gitattributes"}
    assert fs.glob(f"{root}/copies/*.bin") == [f"{root}/copies/old-weights.bin", f"{root}/copies/weights.bin"]
    assert fs.isdir(f"{root}/copies") and fs.isfile(f"{root}/a.txt") and not fs.exists(f"{root}/absent")
    assert fs.info(f"{tagged}/weights.bin")["size"] == len(FIRST["weights.bin"])
    weights = FIRST["weights.bin"]
    with fs.open(f"{tagged}/weights.bin", "rb", block_size=64 * 1024) as file:
        for start, length in ((0, 10), (100_000, 1234), (len(weights) - 7, 7), (5, 0), (64 * 1024 - 3, 6)):
            file.seek(start)
            assert file.read(length) == weights[start : start + length]
    assert fs.cat_file(f"{tagged}/weights.bin", start=1000, end=2000) == weights[1000:2000]
    assert fs.cat_file(f"{tagged}/a.txt", start=1, end=3) == FIRST["a.txt"][1:3]
    assert fs.read_bytes(f"{root}@{made.commits['first']}/folder/deep/empty") == b""
    assert fs.read_text(f"{root}@dev%2Fside/side.txt") == "only here\n"
    assert fs.read_bytes(f"{tagged}/50% off/größe + 1.txt") == FIRST["50% off/größe + 1.txt"]
    fs.get_file(f"{tagged}/weights.bin", str(lane.folder("fs") / "weights.bin"))
    assert (lane.work / "fs" / "weights.bin").read_bytes() == weights
    with raises(FileNotFoundError):
        fs.ls(f"{root}/absent")
    with raises(FileNotFoundError):
        fs.info(f"{root}@nowhere/a.txt")


@step("is written as a file system: files written, copied and removed")
def writing(lane):
    fs, name = open_filesystem(lane), lane.repo("fs")
    lane.api().create_repo(name, repo_type="dataset")
    root = f"datasets/{name}"
    with fs.open(f"{root}/notes.txt", "w") as file:
        file.write("one line\n")
    content = noise("fs", 2 * MIB)
    with fs.open(f"{root}/deep/data.bin", "wb") as file:
        file.write(content[:MIB])
        file.write(content[MIB:])
    fs.cp_file(f"{root}/notes.txt", f"{root}/copy.txt")
    fs.cp_file(f"{root}/deep/data.bin", f"{root}/copy.bin")
    assert fs.read_text(f"{root}/copy.txt") == "one line\n"
    assert fs.read_bytes(f"{root}/copy.bin") == content
    fs.rm(f"{root}/notes.txt")
    fs.rm(f"{root}/deep", recursive=True)
    fs.invalidate_cache()
    left = [path.removeprefix(f"{root}/") for path in fs.find(root)]
    assert left == [".gitattributes", "copy.bin", "copy.txt"]


@step("answers every question of a file system")
def questions(lane):
    fs, made = open_filesystem(lane, None), history(lane)
    tagged = f"{made.name}@v1"
    weights, alpha = FIRST["weights.bin"], FIRST["a.txt"]
    big, small = f"{tagged}/weights.bin", f"{tagged}/a.txt"
    assert sorted(fs.listdir(f"{tagged}/folder/deep", detail=False)) == [
        f"{tagged}/folder/deep/c.txt",
        f"{tagged}/folder/deep/empty",
    ]
    walked = {folder: (sorted(folders), sorted(files)) for folder, folders, files in fs.walk(f"{tagged}/folder")}
    assert walked == {
        f"{tagged}/folder": (["deep"], ["b.txt"]),
        f"{tagged}/folder/deep": ([], ["c.txt", "empty"]),
    }
    everything = sum(len(content) for path, content in FIRST.items() if path.startswith("folder/"))
    assert fs.du(f"{tagged}/folder") == fs.disk_usage(f"{tagged}/folder") == everything
    assert (fs.size(big), fs.sizes([big, small])) == (len(weights), [len(weights), len(alpha)])
    assert fs.stat(small)["size"] == len(alpha) and fs.lexists(small) and not fs.lexists(f"{tagged}/absent")
    assert fs.modified(small).year >= 2026
    assert fs.head(big, 100) == weights[:100] and fs.tail(big, 100) == weights[-100:]
    assert fs.cat(small) == alpha and fs.cat([small, big]) == {small: alpha, big: weights}
    assert fs.cat_ranges([big, big, small], [0, 5_000, 1], [10, 6_000, 3]) == [
        weights[:10],
        weights[5_000:6_000],
        alpha[1:3],
    ]
    assert fs.read_block(big, 1_000, 500) == weights[1_000:1_500]
    assert isinstance(fs.checksum(small), int) and fs.checksum(small) != fs.checksum(big)
    assert set(fs.expand_path(f"{tagged}/folder/*")) == {f"{tagged}/folder/b.txt", f"{tagged}/folder/deep"}
    resolved = fs.resolve_path(f"{made.name}@dev%2Fside/folder/b.txt")
    assert (resolved.repo_id, resolved.revision, resolved.path_in_repo) == (made.name, "dev/side", "folder/b.txt")
    assert fs.url(f"hf://{small}") == f"{lane.endpoint}/{made.name}/resolve/v1/a.txt"
    assert "deep" in fs.tree(f"{tagged}/folder")
    target = lane.folder("fs-get")
    fs.get(f"{tagged}/folder", str(target / "one"), recursive=True)
    fs.download(f"{tagged}/folder", str(target / "two"), recursive=True)
    for copy in ("one", "two"):
        assert (target / copy / "deep" / "c.txt").read_bytes() == FIRST["folder/deep/c.txt"]
    with raises(NotImplementedError):
        fs.created(small)


@step("takes every change of a file system")
def changes(lane):
    fs, name = open_filesystem(lane), lane.repo("fs-changes")
    lane.api().create_repo(name)

    def held():
        fs.invalidate_cache()
        found = {path.removeprefix(f"{name}/"): fs.read_bytes(path) for path in fs.find(name)}
        return {path: content for path, content in found.items() if path != ".gitattributes"}

    source = lane.folder("fs-put")
    (source / "in").mkdir()
    content = noise("fs put", MIB)
    (source / "in" / "w.bin").write_bytes(content)
    (source / "t.txt").write_bytes(b"put\n")
    fs.put_file(str(source / "t.txt"), f"{name}/t.txt")
    fs.put(str(source / "in"), f"{name}/in", recursive=True)
    fs.upload(str(source / "t.txt"), f"{name}/up.txt")
    fs.pipe_file(f"{name}/piped.txt", b"piped\n")
    fs.pipe({f"{name}/p1.txt": b"1", f"{name}/p2.txt": b"2"})
    fs.write_bytes(f"{name}/bytes.bin", b"\0\1")
    fs.write_text(f"{name}/text.txt", "größe\n")
    fs.touch(f"{name}/empty.txt")
    expected = {
        "t.txt": b"put\n",
        "in/w.bin": content,
        "up.txt": b"put\n",
        "piped.txt": b"piped\n",
        "p1.txt": b"1",
        "p2.txt": b"2",
        "bytes.bin": b"\0\1",
        "text.txt": "größe\n".encode(),
        "empty.txt": b"",
    }
    assert held() == expected
    # Folders are those of the files in them.
    for make in (fs.mkdir, fs.makedir, fs.mkdirs, fs.makedirs):
        make(f"{name}/folder")
    fs.rmdir(f"{name}/in")
    assert held() == expected

    fs.cp(f"{name}/in/w.bin", f"{name}/in2/w.bin")
    fs.copy(f"{name}/t.txt", f"{name}/t2.txt")
    fs.mv(f"{name}/t2.txt", f"{name}/t3.txt")
    fs.move(f"{name}/t3.txt", f"{name}/t4.txt")
    fs.rename(f"{name}/t4.txt", f"{name}/t5.txt")
    assert held() == {**expected, "in2/w.bin": content, "t5.txt": b"put\n"}
    fs.rm_file(f"{name}/t5.txt")
    fs.delete(f"{name}/in2", recursive=True)
    assert held() == expected
