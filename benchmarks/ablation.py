"""What each part brings: loss x prototypes x pooling x output layer, on one data set.

    python benchmarks/ablation.py --data DIR

Trains the first stage of configs/efficiency.cfg with one combination after another and
scores the dev file, with the prior "uniform". Labels with fewer than 10 documents are
pooled.
"""

import itertools
from typing import Any, Dict

from common import (
    PIPE,
    format_header,
    format_row,
    get_parser,
    print_setting,
    read_examples,
    train,
)

LOSSES: Dict[str, Dict[str, Any]] = {
    "plain": {"@losses": "spacy-longtail.LogitAdjusted.v1", "tau": 0.0},
    "weighted": {"@losses": "spacy-longtail.WeightedCrossEntropy.v1"},
    "class-balanced": {"@losses": "spacy-longtail.ClassBalanced.v1"},
    "focal": {"@losses": "spacy-longtail.Focal.v1"},
    "LDAM": {"@losses": "spacy-longtail.LDAM.v1"},
    "logit-adjusted": {"@losses": "spacy-longtail.LogitAdjusted.v1", "tau": 1.0},
}
MIN_COUNT = 10
POOLING: Dict[str, Dict[str, Any]] = {
    "off": {f"{PIPE}.min_count": 0},
    "single": {f"{PIPE}.min_count": MIN_COUNT, f"{PIPE}.model.output.other": "single"},
    "mixture": {
        f"{PIPE}.min_count": MIN_COUNT,
        f"{PIPE}.model.output.other": "mixture",
    },
}
OUTPUTS = {
    "flat": "spacy-longtail.PrototypeSoftmax.v1",
    "siblings": "spacy-longtail.SiblingSoftmax.v1",
}


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--name", default="clinc150_lt")
    parser.add_argument("--losses", nargs="*", default=list(LOSSES))
    args = parser.parse_args()
    print_setting(args.seed)
    print(f"{args.name}, dev file, min_count = {MIN_COUNT} where pooled\n")
    print(format_header("loss | prototypes | pooling | output"))
    for loss, start, pooling, output in itertools.product(
        args.losses, ["yes", "no"], POOLING, OUTPUTS
    ):
        overrides = {
            "system.seed": args.seed,
            # The first stage alone: a fallback would hide what pooling costs.
            "nlp.pipeline": ["longtail_textcat"],
            # The model after the last step is used, so evaluations would cost time.
            "training.eval_frequency": 10**6,
            f"{PIPE}.loss": LOSSES[loss],
            f"{PIPE}.model.output.use_prototypes": start == "yes",
            f"{PIPE}.model.output.@layers": OUTPUTS[output],
            **POOLING[pooling],
        }
        nlp, _ = train(args.data / args.name, overrides, use="model-last")
        scores = nlp.evaluate(read_examples(nlp, args.data / args.name / "dev.jsonl"))
        title = " | ".join([loss, start, pooling, output])
        print(format_row(title, scores), flush=True)


if __name__ == "__main__":
    main()
