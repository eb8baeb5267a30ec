"""Compare each text with what the labels are like without it."""

from typing import Iterator, List, NamedTuple, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from tqdm import tqdm

from ..encoders import contract
from ..encoders.static_bag.architecture import build_static_bag
from ..languages import make_blank
from ..ops import mean_by_class, mix, spread_runs
from ..similar import WORDS
from ..vectors.table import make_bundled_vectors
from .corpus import CorpusFiles, read_documents

# What `init-config` gives to a corpus like this, and what the configs have.
NGRAM_WIDTH, KAPPA, SCALE = 512, 2.0, 20.0
# Texts that a label needs, and how many of them in other folds, before one is judged.
MIN_TEXTS, MIN_OTHERS = 3, 1
# So that the fold of a text has nothing to do with its split in a corpus.
SALT = numpy.uint64(0xD1B54A32D192ED03)


class Gold(NamedTuple):
    """Which labels each text has, as pairs of a text and a label, text after text.

    starts, sizes (numpy.ndarray): The first pair of each text, and how many it has,
        int64, (texts,).
    columns (numpy.ndarray): The label of each pair, int64, (pairs,).
    names (Sequence[str]): The labels by column.
    """

    starts: numpy.ndarray
    sizes: numpy.ndarray
    columns: numpy.ndarray
    names: Sequence[str]

    def pair(self, rows: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): For each label of some texts,
        the place of the text among them, and the column.
        """
        owners = numpy.arange(len(rows)).repeat(self.sizes[rows])
        return owners, self.columns[self.find_pairs(rows)]

    def find_pairs(self, rows: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Numbers of the pairs of some texts, int64."""
        return spread_runs(self.starts[rows], self.sizes[rows])


class Compared(NamedTuple):
    """Some texts and their logits.

    rows (numpy.ndarray): Numbers of the texts, (rows,).
    logits (numpy.ndarray): float32 array of shape (rows, labels).
    is_blank (numpy.ndarray): Whether nothing in a text is known, bool, (rows,).
    """

    rows: numpy.ndarray
    logits: numpy.ndarray
    is_blank: numpy.ndarray


class CrossFit:
    """Prototypes of the labels, one set for each fold, of all texts but those of it.
    They are where training starts: seconds, where it would take minutes.

    Memory grows with folds * labels * width, not with the texts.

    gold (Gold): The labels.
    hashes (numpy.ndarray): uint64 hash of each text, so that copies share a fold.
    n_folds (int): From 2.
    """

    def __init__(self, gold: Gold, hashes: numpy.ndarray, n_folds: int) -> None:
        self.gold = gold
        self.n_folds = n_folds
        numbers = mix(hashes ^ SALT) >> numpy.uint64(11)
        self.folds = (numbers % numpy.uint64(n_folds)).astype("int64")
        rows, columns = gold.pair(numpy.arange(len(hashes)))
        shape = n_folds, len(gold.names)
        self._counts = self._count(self.folds[rows], columns)
        # Copies say no more of a label than one of them.
        texts = numpy.unique(hashes, return_inverse=True)[1][rows]
        _, first = numpy.unique(texts * shape[1] + columns, return_index=True)
        n_texts = self._count(self.folds[rows[first]], columns[first])
        self.n_texts = n_texts.sum(axis=0)
        self._n_others = self.n_texts - n_texts

    def _count(self, folds: numpy.ndarray, columns: numpy.ndarray) -> numpy.ndarray:
        shape = self.n_folds, len(self.gold.names)
        places = folds * shape[1] + columns
        return numpy.bincount(places, minlength=shape[0] * shape[1]).reshape(shape)

    def can_judge(self, rows: numpy.ndarray, columns: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Whether enough is known of a label, for each pair of
        a text and a label, without the texts of the fold: bool, (pairs,).
        """
        has_others = self._n_others[self.folds[rows], columns] >= MIN_OTHERS
        return has_others & (self.n_texts[columns] >= MIN_TEXTS)

    def compare(
        self,
        source: CorpusFiles,
        word_weight: float,
        names: Sequence[str],
        progress: bool,
    ) -> Iterator[Compared]:
        """Read the texts, three times, and compare them with the labels.

        word_weight (float): Of the vectors beside n-grams, see StaticBag.
        names (Sequence[str]): What the labels are called, one more text of each.
        progress (bool): Whether to show progress bars, on stderr.
        YIELDS (Compared): All texts, in their order but for those of another fold.
        """

        def read(name: str) -> Iterator[List[Doc]]:
            n_docs = len(self.folds)
            bar = {"disable": None if progress else True, "unit": " docs"}
            with tqdm(desc=name, total=n_docs, leave=False, **bar) as shown:
                for docs in read_documents(source, vocab):
                    yield docs
                    shown.update(len(docs))

        vocab = make_blank("xx").vocab
        encoder = build_static_bag(
            make_bundled_vectors(),
            # They start at zero.
            bigram_buckets=0,
            ngram_width=NGRAM_WIDTH,
            word_weight=word_weight,
        )
        encoder.initialize(X=[Doc(vocab, words=["x"])])
        contract.observe(encoder, None)
        for docs in read("Counting"):
            contract.observe(encoder, docs)
        named = [Doc(vocab, words=WORDS.findall(name)) for name in names]
        prototypes = self._sum(encoder, read("Learning"))
        self._finish(prototypes, contract.encode(encoder, named))
        start = 0
        for docs in read("Comparing"):
            X = contract.encode(encoder, docs)
            is_blank: numpy.ndarray = ~X.any(axis=1)
            folds = self.folds[start : start + len(docs)]
            for fold in numpy.unique(folds).tolist():
                own = numpy.flatnonzero(folds == fold)
                Z = X[own] @ prototypes[fold].T
                Z *= numpy.float32(SCALE)
                yield Compared(own + start, Z, is_blank[own])
            start += len(docs)

    def _sum(
        self, encoder: contract.EncoderT, batches: Iterator[List[Doc]]
    ) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Sum of the vectors of each label, float32, (folds,
        labels, width).
        """
        n_labels, start = len(self.gold.names), 0
        sums = numpy.zeros((0, encoder.get_dim("nO")), dtype="float32")
        sums.resize((self.n_folds * n_labels, sums.shape[1]), refcheck=False)
        for docs in batches:
            X = contract.encode(encoder, docs)
            rows = numpy.arange(start, start + len(docs))
            owners, columns = self.gold.pair(rows)
            places = self.folds[rows[owners]] * n_labels + columns
            numpy.add.at(sums, places, X[owners])
            start += len(docs)
        return sums.reshape((self.n_folds, n_labels, sums.shape[1]))

    def _finish(self, sums: numpy.ndarray, names: numpy.ndarray) -> None:
        """Replace the sum of each fold by the prototypes without it."""
        total, counts = sums.sum(axis=0), self._counts.sum(axis=0)
        for fold in range(self.n_folds):
            left = counts - self._counts[fold]
            sums[fold] = mean_by_class(total - sums[fold], left, names, KAPPA)
