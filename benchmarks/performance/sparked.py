"""The table of Spark in docs/scaling.md, of what spark.py wrote."""

from pathlib import Path

from harness.pages import format_table

from .tables import RESULTS, make_caption, read_speed

TITLES = {
    "predict": "`predict --n-process 2`",
    "spark": "Spark",
    "spark_counted": "Spark, with `observe`",
    "spark_two_phases": "Spark, with `two_phases`",
    "spark_serial": "Spark, executors with `-XX:+UseSerialGC`",
    "spark_small_batches": "Spark, Arrow batches of 1,000 rows",
    "spark_new_workers": "Spark, workers not used again",
}


def make_spark(out: Path = RESULTS) -> str:
    """A row for each kind of use."""
    found = read_speed(out, "spark.json")
    if found is None:
        return "Not measured yet."
    uses, rows = found["uses"], []
    for use, title in TITLES.items():
        if use not in uses:
            continue
        own = uses[use]
        rate = found["n_rows"] / own["seconds"]
        # Of predict, what isn't spent on rows; of Spark, what comes before the job.
        start = own.get("start", own["all_seconds"] - own["seconds"])
        sizes = [
            f"{own[x]:,.0f}" if own.get(x) else "" for x in ("worker_mb", "jvm_mb")
        ]
        ratio = uses["predict"]["seconds"] / own["seconds"]
        cpu = own["cpu"] / found["n_rows"] * 1e6
        row = [title, f"{rate:,.0f}", f"{ratio:.2f}", f"{start:.0f}", f"{cpu:.0f}"]
        rows.append([*row, *sizes])
    header = [f"{found['n_rows']:,} rows like `{found['data']}`", "rows a second"]
    header += ["of `predict`", "start, s", "µs of a processor a row"]
    header += ["MB of a worker", "MB of an executor's JVM"]
    size = f"The pipeline has {found['pipeline_mb']:.0f} MB on disk."
    caption = make_caption("spark.py --data DIR", [found])
    return f"{format_table(header, rows)}\n\n{size} {caption}"
