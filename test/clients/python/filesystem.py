"""The hub as a file system."""

from content import MIB, noise
from failures import raises
from history import FIRST, history
from lane import step


def open_filesystem(lane, person="ada"):
    from huggingface_hub import HfFileSystem

    return HfFileSystem(endpoint=lane.endpoint, token=lane.token(person), skip_instance_cache=True)


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
