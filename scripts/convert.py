"""Convert JSONL files of {"text", "label"} to sparse .spacy files."""

import json
import sys
from pathlib import Path

import spacy
from spacy.tokens import DocBin


def convert(source: Path, target: Path) -> int:
    nlp = spacy.blank("en")
    docs = DocBin()
    with source.open(encoding="utf8") as lines:
        for line in lines:
            record = json.loads(line)
            doc = nlp.make_doc(record["text"])
            doc.cats = {record["label"]: 1.0}
            docs.add(doc)
    docs.to_disk(target)
    return len(docs)


def main() -> None:
    source_dir, target_dir = Path(sys.argv[1]), Path(sys.argv[2])
    target_dir.mkdir(parents=True, exist_ok=True)
    for name in ("train", "dev", "test"):
        n_docs = convert(source_dir / f"{name}.jsonl", target_dir / f"{name}.spacy")
        print(f"{target_dir / name}.spacy: {n_docs} documents")


if __name__ == "__main__":
    main()
