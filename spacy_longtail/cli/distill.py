from pathlib import Path
from typing import Any, Dict, List, Optional

from spacy.cli._util import Arg, Opt

from ..presentation import Remark
from .command import command, print_remark
from .output import FORCE


# fmt: off
@command("distill")
def distill_cli(
    model: str = Arg(..., help="Folder, installed package or hub name of a transformer"),
    output: Path = Arg(..., help="Folder to write the vectors to"),
    corpus: List[Path] = Opt([], "--corpus", "-c", help="Add the words of a corpus: .spacy, a table, or .txt"),
    imitate: List[Path] = Opt([], "--imitate", "-i", help="Imitate the transformer on these texts, and add their words: .spacy, a table, or .txt"),
    vocab: Optional[Path] = Opt(None, "--vocab", "-v", help="Only these words, one a line, the most frequent first"),
    lang: str = Opt("en", "--lang", "-l", help="Language of the corpus, for its tokenizer"),
    min_freq: int = Opt(2, "--min-freq", "-m", help="How often a word of the corpus has to occur"),
    width: int = Opt(256, "--width", "-w", help="Length of the vectors"),
    force: bool = FORCE,
    as_pipeline: bool = Opt(False, "--spacy", "-s", help="Write a spaCy pipeline with vectors instead"),
    text: List[str] = Opt(["text"], "--text", "-t", help="Column of the text in tables; several are joined"),
    *,
    dialect: Dict[str, Any],
) -> None:
    # fmt: on
    """Make static word vectors from a transformer, with 8 bits a value.

    They train and predict without torch. In the config of a pipeline:

    [components.longtail_textcat.model.encoder.vectors]
    @misc = "spacy-longtail.TableVectors.v1"
    path = "OUTPUT"

    With --spacy, they are vectors that any spaCy pipeline can use, without word pieces,
    and here "spacy-longtail.PipelineVectors.v1" reads them.

    With --imitate, they are trained so that the mean of a text's words comes close to
    the transformer's vector of the text. Thousands of texts are best, no labels needed.
    """
    from ..loading import check_output
    from ..vectors.corpus_words import count_words, read_words
    from ..vectors.distill import distill
    from ..vectors.pipeline import write_pipeline_vectors
    from ..vectors.sentences import read_sentences

    inputs = [Path(model), *corpus, *imitate, *([] if vocab is None else [vocab])]
    before = check_output(output, force=force, inputs=inputs)
    words = [] if vocab is None else read_words(vocab)
    read = {"lang": lang, "text": text, **dialect}
    # A file that is given for both is counted once.
    words += count_words(dict.fromkeys([*corpus, *imitate]), min_freq=min_freq, **read)
    table = distill(
        model,
        words,
        table_name=output.name,
        use_vocabulary=vocab is None,
        width=width,
        sentences=read_sentences(imitate, **read) if imitate else None,
    )
    if as_pipeline:
        write_pipeline_vectors(table, output, lang=lang, before=before)
    else:
        table.to_disk(output, before=before)
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    n_pieces = sum(word.startswith("##") for word in table.words)
    pieces = "no" if as_pipeline else f"{n_pieces:,}"
    sentence = (
        f"{output}: {len(table) - n_pieces:,} words and {pieces} pieces, "
        f"{table.width} dimensions, {size / 1e6:.1f} MB"
    )
    found = table.meta.get("imitation")
    if found is not None:
        learnt = (
            f"Imitation learnt from {found['sentences']:,} sentences: mean cosine to the "
            f"transformer on {found['held_out']:,} others {found['cosine_after']:.3f}, "
            f"{found['cosine_before']:.3f} before"
        )
        print_remark(Remark("info", learnt))
    print_remark(Remark("good", sentence))
