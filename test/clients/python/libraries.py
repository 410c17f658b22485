"""The libraries on top of the client: models and data sets saved to the hub and loaded from it."""

import os

from content import sha256
from lane import main, prepared, step

# The conversion service for checkpoints lives on the public hub; nothing here may ask for it.
os.environ["DISABLE_SAFETENSORS_CONVERSION"] = "1"


def tiny_model(seed):
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=64, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    return BertModel(config)


def same_weights(one, other):
    import torch

    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@prepared
def pushed(lane):
    """A private model with two versions of its weights, the first one tagged."""
    api, name = lane.api(), lane.repo("bert")
    first, second = tiny_model(1), tiny_model(2)
    first.push_to_hub(name, private=True, token=lane.tokens["ada"])
    api.create_tag(name, tag="v1")
    second.push_to_hub(name, commit_message="Train on", token=lane.tokens["ada"])
    return name, first, second


@step("pushes a transformers model and loads it back by name, tag and commit")
def model(lane):
    from transformers import AutoConfig, AutoModel

    name, first, second = pushed(lane)
    token = lane.tokens["ada"]
    api = lane.api()
    assert {"config.json", "model.safetensors"} <= set(api.list_repo_files(name))
    assert api.model_info(name).private
    assert same_weights(AutoModel.from_pretrained(name, token=token), second)
    assert same_weights(AutoModel.from_pretrained(name, revision="v1", token=token), first)
    old = api.list_repo_refs(name).tags[0].target_commit
    assert same_weights(AutoModel.from_pretrained(name, revision=old, token=token), first)
    assert AutoConfig.from_pretrained(name, token=token).hidden_size == 16


@step("loads a model again from the cache, without the hub")
def offline(lane):
    from transformers import AutoModel

    name, first, _ = pushed(lane)
    assert same_weights(AutoModel.from_pretrained(name, revision="v1", local_files_only=True), first)


@step("does not show a private model to a stranger")
def stranger(lane):
    from failures import raises
    from transformers import AutoModel

    name, *_ = pushed(lane)
    with raises(OSError, text="not a valid model identifier"):
        AutoModel.from_pretrained(name, token=lane.tokens["bo"], cache_dir=lane.work / "stranger")


@step("loads a model by its old name after it moved, and by a short commit id")
def moved(lane):
    from transformers import AutoModel

    api, old, new = lane.api(), lane.repo("moves"), lane.repo("moved")
    saved = tiny_model(6)
    saved.push_to_hub(old, token=lane.tokens["ada"])
    api.move_repo(old, new)
    assert same_weights(AutoModel.from_pretrained(old, token=lane.tokens["ada"]), saved)
    commit = api.model_info(new).sha
    assert same_weights(AutoModel.from_pretrained(new, revision=commit[:10], token=lane.tokens["ada"]), saved)


@step("reads the header of a safetensors file without its weights")
def safetensors_header(lane):
    from huggingface_hub import get_safetensors_metadata

    name, first, _ = pushed(lane)
    metadata = get_safetensors_metadata(name, token=lane.tokens["ada"])
    assert sum(metadata.parameter_count.values()) == sum(weight.numel() for weight in first.state_dict().values())


@step("saves a model in shards and loads it back")
def shards(lane):
    from transformers import AutoModel

    name, saved = lane.repo("shards"), tiny_model(3)
    saved.push_to_hub(name, max_shard_size="20KB", token=lane.tokens["ada"])
    files = lane.api().list_repo_files(name)
    assert "model.safetensors.index.json" in files and sum(file.endswith(".safetensors") for file in files) > 1
    assert same_weights(AutoModel.from_pretrained(name), saved)


@step("pushes a tokenizer and loads it back")
def tokenizer(lane):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    words = {word: index for index, word in enumerate(["[UNK]", "tide", "pool", "at", "dawn"])}
    backend = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    name = lane.repo("tokenizer")
    made = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    made.push_to_hub(name, token=lane.tokens["ada"])
    loaded = AutoTokenizer.from_pretrained(name)
    assert loaded("tide pool at dawn here")["input_ids"] == [1, 2, 3, 4, 0]


@step("writes and changes the card of a model")
def card(lane):
    from huggingface_hub import ModelCard, ModelCardData, metadata_update

    name = lane.repo("carded")
    lane.api().create_repo(name)
    data = ModelCardData(license="mit", tags=["tide"], library_name="transformers")
    made = ModelCard.from_template(data, model_id=name)
    made.push_to_hub(name, token=lane.tokens["ada"])
    metadata_update(name, {"pipeline_tag": "fill-mask"}, token=lane.tokens["ada"])
    info = lane.api().model_info(name)
    assert (info.library_name, info.pipeline_tag, info.card_data.license) == ("transformers", "fill-mask", "mit")
    assert ModelCard.load(name).data.tags == ["tide"]


@step("pushes a data set and loads it back, whole and as a stream")
def dataset(lane):
    from datasets import Dataset, DatasetDict, load_dataset

    token, name = lane.tokens["ada"], lane.repo("data")
    splits = DatasetDict(
        {
            "train": Dataset.from_dict({"text": [f"line {n}" for n in range(500)], "label": [n % 3 for n in range(500)]}),
            "test": Dataset.from_dict({"text": ["only"], "label": [1]}),
        }
    )
    splits.push_to_hub(name, private=True, token=token)
    files = lane.api().list_repo_files(name, repo_type="dataset")
    assert {"README.md", "data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"} <= set(files)
    loaded = load_dataset(name, token=token)
    assert loaded["train"][:] == splits["train"][:] and loaded["test"][:] == splits["test"][:]
    streamed = load_dataset(name, split="train", streaming=True, token=token)
    assert [row["text"] for row in streamed] == splits["train"]["text"][:]

    first = lane.api().dataset_info(name).sha
    Dataset.from_dict({"text": ["new"], "label": [2]}).push_to_hub(name, split="test", token=token)
    assert load_dataset(name, split="test", token=token)["text"][:] == ["new"]
    assert load_dataset(name, split="test", revision=first, token=token)["text"][:] == ["only"]
    Dataset.from_dict({"number": [1, 2]}).push_to_hub(name, config_name="other", token=token)
    assert load_dataset(name, "other", split="train", token=token)["number"][:] == [1, 2]


@step("loads plain files of a data set that were uploaded by hand")
def plain_data(lane):
    from datasets import load_dataset

    api, name = lane.api(), lane.repo("csv")
    api.create_repo(name, repo_type="dataset")
    api.upload_file(path_or_fileobj=b"a,b\n1,x\n2,y\n", path_in_repo="rows.csv", repo_id=name, repo_type="dataset")
    assert load_dataset(name, split="train")["b"][:] == ["x", "y"]


@step("reads data by its address: by pandas, by fsspec, by datasets")
def addresses(lane):
    import fsspec
    import pandas
    from datasets import load_dataset
    from huggingface_hub import HfFileSystem

    api, name = lane.api(), lane.repo("addressed")
    api.create_repo(name, repo_type="dataset")
    frame = pandas.DataFrame({"place": ["quay", "reef"], "depth": [3, 40]})
    options = {"token": lane.tokens["ada"]}
    for path, write, read in (
        ("rows.csv", lambda url: frame.to_csv(url, index=False, storage_options=options), pandas.read_csv),
        ("rows.parquet", lambda url: frame.to_parquet(url, storage_options=options), pandas.read_parquet),
        ("rows.jsonl", lambda url: frame.to_json(url, orient="records", lines=True, storage_options=options), None),
    ):
        url = f"hf://datasets/{name}/tables/{path}"
        write(url)
        # Reader and writer are two file systems, and each remembers what it has listed.
        HfFileSystem.clear_instance_cache()
        if read:
            assert read(url).equals(frame)
    with fsspec.open(f"hf://datasets/{name}/tables/rows.csv", "rt") as file:
        assert file.readline() == "place,depth\n"
    with fsspec.open(f"hf://datasets/{name}/notes/by-hand.txt", "wt", **options) as file:
        file.write("low tide\n")
    assert "notes/by-hand.txt" in api.list_repo_files(name, repo_type="dataset")
    rows = load_dataset("parquet", data_files=f"hf://datasets/{name}/tables/*.parquet", split="train")
    assert rows["depth"][:] == [3, 40]
    rows = load_dataset(name, data_files="tables/rows.jsonl", split="train", streaming=True)
    assert [row["place"] for row in rows] == ["quay", "reef"]


@step("keeps a data set's parquet on the ref of converted files, and reads it there")
def converted(lane):
    import io

    import pandas
    from datasets import load_dataset

    api, name, ref = lane.api(), lane.repo("parquet-ref"), "refs/convert/parquet"
    api.create_repo(name, repo_type="dataset")
    content = io.BytesIO()
    pandas.DataFrame({"number": [1, 2, 3]}).to_parquet(content)
    api.create_branch(name, branch=ref, repo_type="dataset")
    api.upload_file(
        path_or_fileobj=content.getvalue(),
        path_in_repo="default/train/0000.parquet",
        repo_id=name,
        repo_type="dataset",
        revision=ref,
    )
    assert load_dataset(name, revision=ref, split="train")["number"][:] == [1, 2, 3]
    url = f"hf://datasets/{name}@{ref.replace('/', '%2F')}/default/train/0000.parquet"
    assert pandas.read_parquet(url)["number"].tolist() == [1, 2, 3]


@step("says what a model is and what a data set holds, from what the libraries pushed")
def facts(lane):
    api = lane.api()
    name, first, _ = pushed(lane)
    model = api.model_info(name)
    assert model.safetensors.total == sum(weight.numel() for weight in first.state_dict().values())
    assert model.library_name == "transformers" and model.config["model_type"] == "bert"
    assert {"transformers", "safetensors", "bert"} <= set(model.tags)
    assert name in [found.id for found in api.list_models(author="ada", filter=["bert", "safetensors"])]
    data = api.dataset_info(lane.repo("data"))
    assert data.card_data["configs"], data.card_data


@step("saves a diffusers pipeline part and loads it back")
def diffusers(lane):
    import torch
    from diffusers import AutoencoderKL

    torch.manual_seed(4)
    size = {"block_out_channels": (4,), "latent_channels": 2, "norm_num_groups": 2, "layers_per_block": 1}
    part = AutoencoderKL(**size)
    name = lane.repo("autoencoder")
    part.push_to_hub(name, token=lane.tokens["ada"])
    assert same_weights(AutoencoderKL.from_pretrained(name), part)


@step("holds the very bytes that safetensors wrote")
def bytes_of_weights(lane):
    from safetensors.torch import save

    name, saved = lane.repo("bytes"), save({name: weight.contiguous() for name, weight in tiny_model(5).state_dict().items()})
    api = lane.api()
    api.create_repo(name)
    api.upload_file(path_or_fileobj=saved, path_in_repo="model.safetensors", repo_id=name)
    [info] = api.get_paths_info(name, ["model.safetensors"])
    assert info.lfs.sha256 == sha256(saved)


if __name__ == "__main__":
    main()
