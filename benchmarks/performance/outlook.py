"""What a billion texts and 100,000 labels would take, reckoned from what scaling.py has
measured at the most labels. Nothing here was measured.
"""

from pathlib import Path

from harness.pages import format_table

from .tables import RESULTS, make_caption, read_scaling

N_TEXTS, N_LABELS, N_CORES = 1_000_000_000, 100_000, 200
# Training texts a label, epochs, and bytes a document and label of dev, see CHANGELOG.
TEXTS_A_LABEL, N_EPOCHS, DEV_BYTES, N_DEV = 20, 10, 6, 10_000
HOUR = 3600.0


def make_outlook(out: Path = RESULTS) -> str:
    """A row for each quantity: what was measured, and what follows."""
    found = [r for r in read_scaling(out) if r["study"] == "labels" and "ms" in r]
    found = [r for r in found if r["system"] == "longtail_top10"]
    if not found:
        return "Not measured yet."
    own = max(found, key=lambda result: result["n_labels"])
    # All labels are compared with, so that time grows with them.
    growth = N_LABELS / own["n_labels"]
    ms, disk, memory = (own[key] * growth for key in ("ms", "disk_mb", "peak_mb"))
    hours = N_TEXTS * ms / 1000 / HOUR
    text_ms = own["epoch_s"] / own["n_texts"] * 1000
    n_training = N_LABELS * TEXTS_A_LABEL
    epoch = n_training * text_ms * growth / 1000 / HOUR
    limit = 7 * 24 * HOUR / N_EPOCHS / (text_ms * growth / 1000)
    base = f"{own['n_labels']:,} labels"
    times = f"× {growth:g}"
    rows = [
        [
            "prediction of a text",
            f"{own['ms']:.3f} ms at {base}, `cats_top_k = 10`, {times}",
            f"{ms:.2f} ms of a core",
        ],
        [
            f"prediction of {N_TEXTS:,} texts",
            "the same",
            f"{hours:,.0f} core hours; {hours / N_CORES:.1f} h on {N_CORES} cores",
        ],
        [
            "memory of a worker, at most",
            f"{own['peak_mb']:,.0f} MB, training included, {times}",
            f"{memory / 1000:.1f} GB a core",
        ],
        [
            "what executors are sent",
            f"{own['disk_mb']:.0f} MB, {times}",
            f"{disk:.0f} MB each",
        ],
        [
            f"an epoch of {TEXTS_A_LABEL} texts a label",
            f"{own['epoch_s']:.0f} s for {own['n_texts']:,} texts at {base}, {times}",
            f"{epoch:.1f} h in one process",
        ],
        [
            f"{N_EPOCHS} epochs of them",
            "the same",
            f"{epoch * N_EPOCHS:.0f} h of the {7 * 24} of a week",
        ],
        [
            f"most texts for {N_EPOCHS} epochs in a week",
            "the same",
            f"{limit / 1e6:.1f} million",
        ],
        [
            f"{N_DEV:,} dev documents with several labels each",
            f"{DEV_BYTES} bytes a document and label",
            f"{DEV_BYTES * N_DEV * N_LABELS / 1e9:.0f} GB while they are scored",
        ],
    ]
    header = ["what", "reckoned from", f"with {N_LABELS:,} labels"]
    table = format_table(header, rows)
    return f"{table}\n\n{make_caption('scaling.py', [own])}"
