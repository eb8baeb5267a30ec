"""Train configs/efficiency.cfg as it stands on each data set and score its test file.

python benchmarks/quality.py --data DIR [--split dev]
"""

from common import (
    CONFIG,
    PIPE,
    format_header,
    format_row,
    get_parser,
    print_setting,
    read_examples,
    train,
)

DATA = ["clinc150_lt", "naics2012", "msha"]
SYSTEMS = {
    "efficiency.cfg": {},
    "with WeightedCrossEntropy": {
        f"{PIPE}.loss": {"@losses": "spacy-longtail.WeightedCrossEntropy.v1"}
    },
}


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--names", nargs="*", default=DATA)
    args = parser.parse_args()
    print_setting(args.seed)
    print(f"{CONFIG.name}, {args.split} files\n")
    print(format_header("data, system, prior", "seconds"))
    for name in args.names:
        for system, overrides in SYSTEMS.items():
            nlp, seconds = train(
                args.data / name, {**overrides, "system.seed": args.seed}
            )
            examples = read_examples(nlp, args.data / name / f"{args.split}.jsonl")
            for prior in ("uniform", 0.5, "train"):
                nlp.get_pipe("longtail_textcat").prior = prior
                scores = nlp.evaluate(examples)
                title = f"{name}, {system}, {prior}"
                print(format_row(title, scores, f"{seconds:.0f}"), flush=True)


if __name__ == "__main__":
    main()
