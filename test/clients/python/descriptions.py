"""What the hub says of repositories: cards, tags, weights, and lists that are searched, filtered and sorted."""

import json
import struct

from content import noise
from failures import raises
from lane import prepared, step

MODEL_CARD = """---
license: apache-2.0
language:
- en
- fr
library_name: transformers
pipeline_tag: text-classification
tags:
- tide-tables
datasets:
- ada/tides
base_model: ada/base
---
# A model of tides
"""
DATASET_CARD = """---
license: mit
language: en
task_categories:
- text-classification
size_categories:
- n<1K
tags:
- tide-tables
pretty_name: Tides
---
# Tides
"""
CONFIG = {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}


def safetensors(tensors, metadata=None):
    """A safetensors file of zeros, from `{name: (dtype, shape)}`."""
    sizes = {"F32": 4, "F16": 2, "I64": 8}
    header, offset = ({"__metadata__": metadata} if metadata else {}), 0
    for name, (dtype, shape) in tensors.items():
        length = sizes[dtype]
        for side in shape:
            length *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + length]}
        offset += length
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(offset)


@prepared
def described(lane):
    """A model and a data set that say much about themselves. Their names end alike."""
    from huggingface_hub import CommitOperationAdd

    api, model, dataset = lane.api(), lane.repo("tides-model"), lane.repo("tides-data")
    api.create_repo(model)
    files = {
        "README.md": MODEL_CARD.encode(),
        "config.json": json.dumps(CONFIG).encode(),
        "model.safetensors": safetensors({"a": ("F32", [4, 8]), "b": ("F16", [10])}, {"format": "pt"}),
    }
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit(model, operations, commit_message="A model that says what it is")
    api.create_repo(dataset, repo_type="dataset")
    rows = b"".join(b'{"text": "%d", "label": 0}\n' % number for number in range(50))
    operations = [CommitOperationAdd("README.md", DATASET_CARD.encode()), CommitOperationAdd("train.jsonl", rows)]
    api.create_commit(dataset, operations, commit_message="Data that says what it is", repo_type="dataset")
    return model, dataset


@step("describes models and data sets by what their files say")
def info(lane):
    api = lane.api(None)
    model_name, dataset_name = described(lane)
    model = api.model_info(model_name)
    assert (model.pipeline_tag, model.library_name) == ("text-classification", "transformers")
    assert {"transformers", "safetensors", "bert", "en", "fr", "license:apache-2.0", "tide-tables"} <= set(model.tags)
    assert {"dataset:ada/tides", "base_model:ada/base", "text-classification"} <= set(model.tags)
    assert model.card_data.license == "apache-2.0" and model.card_data.datasets == ["ada/tides"]
    assert model.config["model_type"] == "bert" and model.config["architectures"] == CONFIG["architectures"]
    assert model.safetensors.parameters == {"F32": 32, "F16": 10} and model.safetensors.total == 42
    assert (model.downloads, model.likes, model.gated, model.private) == (0, 0, False, False)
    data = api.dataset_info(dataset_name)
    assert {"task_categories:text-classification", "size_categories:n<1K", "license:mit", "language:en"} <= {
        *data.tags
    }, data.tags
    assert data.card_data.pretty_name == "Tides"
    sized = api.model_info(model_name, files_metadata=True, securityStatus=True)
    weights = next(file for file in sized.siblings if file.rfilename == "model.safetensors")
    assert weights.lfs.size == weights.size > 0 and len(weights.lfs.sha256) == 64
    some = api.model_info(model_name, expand=["likes", "safetensors", "siblings", "cardData"])
    assert some.safetensors.total == 42 and some.pipeline_tag is None and some.sha is None
    with raises(Exception, status=400, text="must be one of"):
        api.model_info(model_name, expand=["nothing"])
    assert api.dataset_info(dataset_name, expand=["downloads", "tags"]).downloads == 0


@step("lists repositories that are searched, filtered and sorted")
def lists(lane):
    api = lane.api(None)
    model, dataset = described(lane)
    word = model.split("/")[1].removesuffix("-model")

    def models(**query):
        return [found.id for found in api.list_models(search=word, **query)]

    assert models() == [model]
    for wanted in ("transformers", "license:apache-2.0", "bert", ["tide-tables", "safetensors"]):
        assert models(filter=wanted) == [model], wanted
    assert models(filter="license:mit") == [] == models(filter=["tide-tables", "diffusers"])
    assert models(pipeline_tag="text-classification") == [model] and models(pipeline_tag="fill-mask") == []
    assert models(trained_dataset="ada/tides") == [model] and models(gated=True) == []
    assert models(author="ada") == [model] and models(author="bo") == []
    for sort in ("created_at", "last_modified", "likes", "downloads", "trending_score"):
        assert models(sort=sort) == [model]
    full = next(iter(api.list_models(search=word, full=True, cardData=True, fetch_config=True)))
    assert full.card_data.license == "apache-2.0" and full.config["model_type"] == "bert"
    assert "model.safetensors" in {file.rfilename for file in full.siblings} and full.sha and full.last_modified
    found = next(iter(api.list_models(search=word, expand=["safetensors", "gated"])))
    assert found.safetensors.total == 42 and found.gated is False

    def datasets(**query):
        return [found.id for found in api.list_datasets(search=word, **query)]

    assert datasets() == [dataset] == datasets(task_categories="text-classification") == datasets(language="en")
    assert datasets(size_categories="n<1K", filter="tide-tables") == [dataset] and datasets(language="de") == []
    with raises(Exception, status=400):
        list(api.list_models(sort="password_hash"))
    # `linked` and the like are taken; nothing here is a space.
    assert list(api.list_spaces(search=word, datasets=dataset, models=model, linked=True)) == []


@step("ranks models by what their cards say they reached", when=lambda lane: lane.version >= (1, 19))
def leaderboard(lane):
    api, data = lane.api(), lane.repo("benchmark")
    api.create_repo(data, repo_type="dataset")
    with raises(Exception, status=404):
        api.get_dataset_leaderboard(data)
    for name, value, base in (("ranked-one", 0.5, None), ("ranked-two", 0.75, None), ("ranked-tuned", 0.9, "ada/base")):
        api.create_repo(lane.repo(name))
        card = f"""---
{f"base_model: {base}" if base else "license: mit"}
model-index:
- name: {name}
  results:
  - task: {{type: text-classification}}
    dataset: {{type: {data}, name: Benchmark}}
    metrics:
    - {{type: accuracy, value: {value}}}
---
"""
        api.upload_file(path_or_fileobj=card.encode(), path_in_repo="README.md", repo_id=lane.repo(name))
    ranked = api.get_dataset_leaderboard(data)
    assert [(entry.rank, entry.model_id, entry.value) for entry in ranked] == [
        (1, lane.repo("ranked-two"), 0.75),
        (2, lane.repo("ranked-one"), 0.5),
    ]
    assert ranked[0].author.username == "ada"
    if lane.version >= (1, 33):
        everything = api.get_dataset_leaderboard(data, base_model_only=False)
        assert everything[0].model_id == lane.repo("ranked-tuned") and len(everything) == 3


@step("finds spaces by words", when=lambda lane: lane.version >= (1, 19))
def spaces(lane):
    api, word = lane.api(), lane.repo("").split("/")[1].replace("-", "")
    for name, title in (("found-tides", f"{word} Tide Tables"), ("found-reefs", f"{word} Reef Maps")):
        api.create_repo(lane.repo(name), repo_type="space", space_sdk="static")
        card = f"---\ntitle: {title}\nsdk: static\nemoji: 🌊\ntags: [{word}]\nshort_description: What the sea does\n---\n"
        where = {"path_in_repo": "README.md", "repo_id": lane.repo(name), "repo_type": "space"}
        api.upload_file(path_or_fileobj=card.encode(), **where)
    found = list(api.search_spaces(f"{word} reef maps"))
    assert found[0].id == lane.repo("found-reefs") and found[0].semantic_relevancy_score > 0
    assert found[0].sdk == "static" and found[0].ai_short_description == "What the sea does"
    both = {space.id for space in api.search_spaces(word, filter=word, sdk="static", include_non_running=True)}
    assert both == {lane.repo("found-tides"), lane.repo("found-reefs")}
    assert list(api.search_spaces(word, sdk="gradio")) == []


@step("sorts by date, up and down, page by page")
def pages(lane):
    api, word = lane.api(), lane.repo("sorted-").split("/")[1]
    names = [lane.repo(f"sorted-{letter}") for letter in "abcde"]
    for name in names:
        api.create_repo(name, repo_type="space", space_sdk="static")
    found = [space.id for space in api.list_spaces(author="ada", search=word, sort="created_at")]
    assert found == names[::-1]
    assert {space.sdk for space in api.list_spaces(author="ada", search=word, full=True)} == {"static"}
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=names[0], repo_type="space")
    assert next(iter(api.list_spaces(author="ada", search=word, sort="last_modified"))).id == names[0]


@step("tells which tags there are")
def tags(lane):
    api = lane.api()
    described(lane)
    model_tags, dataset_tags = api.get_model_tags(), api.get_dataset_tags()
    assert {"tide-tables", "bert"} <= {tag["id"] for group in model_tags.values() for tag in group}
    assert "license:apache-2.0" in {tag["id"] for tag in model_tags["license"]}
    assert "task_categories:text-classification" in {tag["id"] for tag in dataset_tags["task_categories"]}


@step("reads what tensors there are, of one file and of many, without their bytes")
def tensors(lane):
    api, name = lane.api(), lane.repo("sharded")
    model, _ = described(lane)
    one = api.get_safetensors_metadata(model)
    assert not one.sharded and one.parameter_count == {"F32": 32, "F16": 10} and one.metadata is None
    parsed = api.parse_safetensors_file_metadata(model, "model.safetensors")
    assert parsed.metadata == {"format": "pt"} and parsed.tensors["a"].shape == [4, 8]

    api.create_repo(name)
    shards = {
        "model-00001-of-00002.safetensors": {"a": ("F32", [3]), "b": ("I64", [2, 2])},
        "model-00002-of-00002.safetensors": {"c": ("F16", [5])},
    }
    weight_map = {tensor: shard for shard, tensors in shards.items() for tensor in tensors}
    index = {"metadata": {"total_size": 54}, "weight_map": weight_map}
    source = lane.folder("sharded")
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    for shard, held in shards.items():
        (source / shard).write_bytes(safetensors(held))
    api.upload_folder(folder_path=source, repo_id=name)
    many = api.get_safetensors_metadata(name)
    assert many.sharded and many.weight_map == weight_map and many.parameter_count == {"F32": 3, "I64": 4, "F16": 5}
    if lane.version >= (2, 3):
        at_once = api.get_sharded_safetensors_metadata(name)
        assert at_once.weight_map == weight_map and at_once.parameter_count == many.parameter_count
    assert api.model_info(name).safetensors.total == 12


@step("tells kinds, names and revisions of what there is")
def names(lane):
    api = lane.api()
    model, _ = described(lane)
    assert api.get_full_repo_name("x") == "ada/x" and api.get_full_repo_name("x", organization="lab") == "lab/x"
    url = f"{lane.endpoint}/{model}/resolve/main/model.safetensors"
    facts = api.get_hf_file_metadata(url=url)
    assert facts.commit_hash == api.repo_info(model).sha and facts.size > 0 and len(facts.etag) == 64
    assert api.run_as_future(api.repo_exists, model).result() is True
    if lane.version >= (1, 33):
        resolved = api.resolve_revision(model, revision="main")
        assert (resolved, resolved.resolved) == ("main", facts.commit_hash)
    if lane.version >= (1, 19):
        copy = lane.folder("checked")
        api.snapshot_download(model, local_dir=copy)
        assert not api.verify_repo_checksums(model, local_dir=copy).mismatches
        (copy / "config.json").write_bytes(noise("damage", 10))
        [fault] = api.verify_repo_checksums(model, local_dir=copy).mismatches
        assert "config.json" in str(fault)


@step("keeps the card and the files of kernels as of models", when=lambda lane: lane.version >= (2, 3))
def kernels(lane):
    api, name = lane.api(), lane.repo("described-kernel")
    api.create_repo(name, repo_type="kernel")
    card = b"---\nlicense: mit\ntags: [tide-kernel]\n---\n"
    api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=name, repo_type="kernel")
    found = api.kernel_info(name)
    assert found.id == name and found.sha == api.list_repo_commits(name, repo_type="kernel")[0].commit_id
