"""What lists and info say of repositories by the files in them."""

import json
import struct
import urllib.request

from lane import prepared, step


def tensors(**shapes):
    """A whole safetensors file of 32-bit floats."""
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(end)


def card(**fields):
    return ("---\n" + "".join(f"{name}: {json.dumps(value)}\n" for name, value in fields.items()) + "---\n# Card\n").encode()


@prepared
def described(lane):
    """A model, one made from it, a dataset and a space that uses both; answers their names and the mark they share."""
    from huggingface_hub import CommitOperationAdd as Add

    api = lane.api()
    mark = lane.repo("mark").split("/")[1]
    names = {kind: lane.repo(f"facts-{kind}") for kind in ("base", "child", "dataset", "space")}

    def make(name, kind, files, **more):
        api.create_repo(name, repo_type=kind, **more)
        operations = [Add(path, content) for path, content in files.items()]
        api.create_commit(name, operations, commit_message="files", repo_type=kind)

    index = {"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    make(
        names["base"],
        "model",
        {
            "README.md": card(license="mit", language=["en"], tags=[mark], datasets=[names["dataset"]]),
            "config.json": b'{"model_type": "bert", "architectures": ["BertForMaskedLM"]}',
            "tokenizer_config.json": b'{"mask_token": "[MASK]"}',
            "model-00001-of-00002.safetensors": tensors(a=[10, 10]),
            "model-00002-of-00002.safetensors": tensors(b=[3]),
            "model.safetensors.index.json": json.dumps(index).encode(),
        },
    )
    make(
        names["child"],
        "model",
        {"README.md": card(base_model=names["base"], tags=[mark], pipeline_tag="text-generation")},
    )
    make(
        names["dataset"],
        "dataset",
        {"README.md": card(task_categories=["translation"], language=["de"], tags=[mark]), "data.csv": b"a,b\n1,2\n"},
    )
    make(
        names["space"],
        "space",
        {"README.md": card(sdk="static", models=[names["base"]], datasets=[names["dataset"]], tags=[mark])},
        space_sdk="static",
    )
    return names, mark


@step("finds models by tag, task, library, language, dataset, size and text")
def find_models(lane):
    api = lane.api()
    names, mark = described(lane)

    def found(**query):
        query.setdefault("filter", mark)
        return {info.id for info in api.list_models(**query)}

    both = {names["base"], names["child"]}
    assert found() == both
    assert found(filter=[mark, "license:mit"]) == {names["base"]}
    assert found(filter=[mark, "transformers"]) == {names["base"]}
    assert found(filter=[mark, "en"]) == {names["base"]}
    assert found(pipeline_tag="text-generation") == {names["child"]}
    assert found(pipeline_tag="fill-mask") == {names["base"]}
    assert found(trained_dataset=names["dataset"]) == {names["base"]}
    assert found(filter=[mark, f"base_model:finetune:{names['base']}"]) == {names["child"]}
    assert found(search="FACTS-BASE") == {names["base"]}
    assert found(author="ada") == both and found(author="bo") == set()
    assert found(gated=True) == set() and found(gated=False) == both
    assert found(filter="no-such-tag") == set()
    if lane.version >= (1, 0):
        assert found(num_parameters="min:50,max:1K") == {names["base"]}
        assert found(num_parameters="min:1B") == set()
    for sort in ("created_at", "last_modified", "likes", "downloads", "trending_score"):
        assert [info.id for info in api.list_models(filter=mark, sort=sort, limit=1)][0] in both
    assert [info.id for info in api.list_models(filter=mark, sort="created_at")] == [names["child"], names["base"]]
    [told] = api.list_models(filter=[mark, "license:mit"], cardData=True, fetch_config=True)
    assert told.card_data.license == "mit" and told.config["model_type"] == "bert"
    [told] = api.list_models(filter=[mark, "license:mit"], full=True)
    assert "config.json" in [file.rfilename for file in told.siblings] and told.sha is not None
    [told] = api.list_models(filter=[mark, "license:mit"], expand=["safetensors", "likes"])
    assert told.safetensors.total == 103 and told.likes == 0 and told.tags is None


@step("finds datasets and spaces by what they are and use")
def find_others(lane):
    api = lane.api()
    names, mark = described(lane)
    for query in ({"task_categories": "translation"}, {"language": "de"}, {"filter": [mark, "format:csv"]}):
        query.setdefault("filter", mark)
        assert [info.id for info in api.list_datasets(**query)] == [names["dataset"]], query
    assert list(api.list_datasets(filter=mark, task_categories="summarization")) == []
    for query in ({"models": names["base"]}, {"datasets": [names["dataset"]]}, {"linked": True, "filter": mark}):
        assert names["space"] in [info.id for info in api.list_spaces(**query)], query
    [told] = api.list_datasets(filter=mark, full=True)
    assert "language:de" in told.tags and told.card_data.task_categories == ["translation"]


@step("describes a model by its files, field by field")
def describe(lane):
    from huggingface_hub.errors import BadRequestError

    api = lane.api()
    names, mark = described(lane)
    told = api.model_info(names["base"], files_metadata=True, securityStatus=True)
    assert (told.pipeline_tag, told.library_name, told.mask_token) == ("fill-mask", "transformers", "[MASK]")
    assert told.safetensors.parameters == {"F32": 103} and told.config["architectures"] == ["BertForMaskedLM"]
    assert told.transformers_info.auto_model == "AutoModelForMaskedLM"
    assert told.spaces == [names["space"]] and told.security_repo_status["scansDone"] is False
    assert {mark, "bert", "safetensors", "license:mit", f"dataset:{names['dataset']}"} <= set(told.tags)
    assert all(file.size is not None for file in told.siblings)
    every = "author cardData config createdAt disabled downloads downloadsAllTime gated lastModified library_name likes".split()
    more = "mask_token model-index pipeline_tag private safetensors sha siblings spaces tags transformersInfo".split()
    some = ["baseModels", "childrenModelCount", "trendingScore", "usedStorage", "widgetData", "gguf", "inference"]
    told = api.model_info(names["base"], expand=[*every, *more, *some])
    assert told.author == "ada" and told.safetensors.total == 103
    space = api.space_info(names["space"])
    assert space.sdk == "static" and space.models == [names["base"]] and space.runtime.stage == "NO_APP_FILE"
    try:
        api.model_info(names["base"], expand=["nonsense"])
    except BadRequestError as error:
        assert "must be one of [" in str(error)
    else:
        raise AssertionError("an unknown field was answered")


@step("reads the headers of safetensors files")
def headers(lane):
    api = lane.api()
    names, _ = described(lane)
    metadata = api.get_safetensors_metadata(names["base"])
    assert metadata.sharded and metadata.parameter_count == {"F32": 103}
    if hasattr(api, "get_sharded_safetensors_metadata"):
        same = api.get_sharded_safetensors_metadata(names["base"])
        assert same.parameter_count == {"F32": 103} and same.weight_map == metadata.weight_map


@step("lists the tags there are")
def tags(lane):
    described(lane)
    for kind, type_name, tag in (("models", "license", "license:mit"), ("datasets", "language", "language:de")):
        with urllib.request.urlopen(f"{lane.endpoint}/api/{kind}-tags-by-type") as answer:
            assert tag in [choice["id"] for choice in json.load(answer)[type_name]]
