"""Read the texts of WordNet 3.0. Used by build_vectors.py."""

import random
import re
from pathlib import Path
from typing import Collection, Dict, Iterator, List, NamedTuple, Set

# What people ask of a machine: WordNet's examples are statements, nearly all of them.
WITH_NOUN = (
    "what is {}",
    "what is my {}",
    "tell me about {}",
    "do you have {}",
    "how much is the {}",
    "i have a problem with my {}",
    "where is the nearest {}",
    "i lost my {}",
    "is there any {}",
    "show me my {}",
    "can i get a new {}",
    "what kind of {} should i use",
    "i'd like to know about {}",
    "my {} is not working",
    "how many {} are there",
    "is the {} free",
    "the {} i ordered",
    "give me a list of {}",
)
WITH_VERB = (
    "how do i {}",
    "can you {} for me",
    "i want to {}",
    "i need to {} please",
    "why can't i {}",
    "please {}",
    "how long does it take to {}",
    "help me {}",
    "when should i {}",
    "where can i {}",
)


class Synset(NamedTuple):
    """A meaning: its part of speech, words, definition and examples."""

    kind: str
    words: List[str]
    gloss: str
    examples: List[str]


def read_synsets(folder: Path) -> Iterator[Synset]:
    """Read data.adj, data.adv, data.noun and data.verb."""
    for path in sorted(folder.glob("data.*")):
        for line in path.read_text(encoding="latin1").splitlines():
            # Lines of the licence begin with two spaces.
            if line.startswith("  "):
                continue
            fields, _, text = line.partition("|")
            head = fields.split()
            words = head[4 : 4 + 2 * int(head[3], 16) : 2]
            # An adjective has its place in brackets: "galore(ip)".
            plain = [re.sub(r"\(\w+\)$", "", w).replace("_", " ") for w in words]
            examples = [found.strip() for found in re.findall(r'"([^"]+)"', text)]
            gloss = text.split('"')[0].strip(" ;:\n")
            yield Synset(path.suffix[1:], plain, gloss, examples)


def collect_texts(
    folder: Path, known: Collection[str], n_requests: int = 24_000
) -> Dict[str, List[str]]:
    """RETURNS (Dict[str, List[str]]): Distinct texts, sorted, by what they are.

    known (Collection[str]): The words that requests are made of.
    """
    found: Dict[str, Set[str]] = {"examples": set(), "glosses": set(), "names": set()}
    lemmas: Dict[str, Set[str]] = {"noun": set(), "verb": set()}
    for synset in read_synsets(folder):
        found["examples"].update(e for e in synset.examples if len(e.split()) > 2)
        found["glosses"].add(f"{synset.words[0]}: {synset.gloss}")
        found["names"].update(word for word in synset.words if " " in word)
        for word in synset.words:
            if word.islower() and all(part in known for part in word.split()):
                lemmas.setdefault(synset.kind, set()).add(word)
    nouns, verbs = sorted(lemmas["noun"]), sorted(lemmas["verb"])
    found["requests"] = make_requests(nouns, verbs, n_requests)
    return {name: sorted(texts) for name, texts in found.items()}


def make_requests(nouns: List[str], verbs: List[str], n: int) -> Set[str]:
    """RETURNS (Set[str]): So many distinct requests, the same ones each time."""
    rng = random.Random(0)
    found: Set[str] = set()
    while len(found) < n:
        noun, verb = rng.choice(nouns), rng.choice(verbs)
        if " " not in verb:
            verb = f"{verb} {rng.choice(('the', 'my', 'a'))} {noun}"
        frame = rng.choice(WITH_NOUN + WITH_VERB)
        found.add(frame.format(noun if frame in WITH_NOUN else verb))
    return found
