import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
# Markers of tests that only run if the option of the same name is given.
OPTIONAL_MARKERS = {"slow": "take longer than 5 seconds", "gpu": "need a GPU"}


def pytest_addoption(parser):
    for marker, reason in OPTIONAL_MARKERS.items():
        parser.addoption(
            f"--{marker}", action="store_true", help=f"also run tests that {reason}"
        )


def pytest_runtest_setup(item):
    for marker in OPTIONAL_MARKERS:
        if item.get_closest_marker(marker) and not item.config.getoption(marker):
            pytest.skip(f"runs only with --{marker}")


@pytest.fixture(scope="session")
def data_dir():
    """The folder of the real data sets, which aren't part of the project."""
    path = os.environ.get("LONGTAIL_DATA") or REPOSITORY / ".." / "shared" / "data"
    path = Path(path).resolve()
    if not path.is_dir():
        pytest.skip(f"there are no data sets at {path}, set LONGTAIL_DATA")
    return path


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """Folder of a BERT with random weights and a vocabulary of letters and words."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, "card", "money"]
    words += [f"##{letter}" for letter in letters]
    folder = tmp_path_factory.mktemp("tiny_bert")
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    tokenizer = transformers.BertTokenizerFast(
        str(folder / "vocab.txt"), model_max_length=32
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def encode_alone(tiny_bert):
    """Mean of the word pieces of a text, by the transformers library alone."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    model = AutoModel.from_pretrained(tiny_bert).eval()

    def encode(text, window=32):
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        states = []
        for start in range(0, len(ids), window - 2):
            part = [2, *ids[start : start + window - 2], 3]
            with torch.no_grad():
                states.append(model(torch.tensor([part])).last_hidden_state[0])
        mean = torch.cat(states).mean(dim=0)
        return (mean / mean.norm()).numpy()

    return encode
