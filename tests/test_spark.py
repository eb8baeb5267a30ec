"""On a real Spark, whose executors are processes of their own."""

import datetime
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy

pa = pytest.importorskip("pyarrow")

from spacy_longtail import __version__, batch  # noqa: E402
from spacy_longtail.spark import _LOADED, classify, label_rows  # noqa: E402

PIPELINES = Path(__file__).parent / "data" / "pipelines"
TEXTS = [
    "I lost my card",
    "lend me money for a house",
    "",
    "book a flight to Rome and a room",
    "which papers do I need to enter China",
    "xyzzy",
    "what does an account cost",
    "gold",
    None,
    "a room for two nights by the sea",
]
# What an executor has of the libraries, where ours isn't installed.
BARE = ["numpy", "numpy.libs", "pandas", "pyarrow", "dateutil", "six.py", "pytz"]
BARE += ["tzdata"]


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A folder of packages for the Python of executors."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="session")
def spark(site, tmp_path_factory):
    sql = pytest.importorskip("pyspark.sql")
    if not shutil.which("java") and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    # Executors are to find what is installed.
    os.environ.pop("PYTHONPATH", None)
    builder = sql.SparkSession.builder.master("local-cluster[2,1,1024]")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "7",
        # For those that are killed on purpose.
        "spark.task.maxFailures": "20",
        "spark.stage.maxConsecutiveAttempts": "20",
        "spark.executorEnv.PYTHONPATH": str(site),
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="session", params=["exclusive", "multilabel"])
def pipeline(request):
    """The folder of a pipeline of both stages, of either kind of labels."""
    return PIPELINES / f"{request.param}-2"


@pytest.fixture
def nlp(pipeline):
    """It asks its ranker about some texts, and abstains from some."""
    nlp = spacy.load(pipeline)
    fallback = nlp.get_pipe("zero_shot_fallback")
    fallback.remove_label("bank/gold")
    fallback.settings.change(abstain_threshold=0.3)
    return nlp


@pytest.fixture
def rows():
    return [(number, TEXTS[number % len(TEXTS)]) for number in range(60)]


@pytest.fixture
def frame(spark, rows):
    return spark.createDataFrame(rows, "id long, text string").repartition(4)


@pytest.fixture
def expected(rows, nlp):
    """What one process gives."""
    ids, texts = zip(*rows)
    table = pa.table({"id": ids, "text": texts})
    return pa.Table.from_batches(batch.classify(table, nlp)).to_pylist()


def collect(frame):
    """RETURNS (List[Dict]): The rows, in their order."""
    found = [row.asDict() for row in frame.collect()]
    return sorted(found, key=lambda row: row["id"])


@pytest.mark.parametrize("two_phases", [False, True])
def test_answers_are_those_of_one_process(frame, nlp, expected, two_phases):
    from pyspark.sql import Observation

    counts = Observation("counts")
    found = classify(frame, nlp, two_phases=two_phases, observe=counts)
    assert collect(found) == expected
    first = pa.Table.from_pylist([{"text": row["text"]} for row in expected])
    first = batch.classify(first, nlp, phase="first")
    assert counts.get == {
        "rows": len(expected),
        "routed": sum(sum(part["routed"].to_pylist()) for part in first),
        "abstained": sum(row["stage"] == "abstained" for row in expected),
        "failed": sum(row["error"] is not None for row in expected),
    }
    assert min(counts.get.values()) > 0


def test_a_phase_can_be_run_by_itself(frame, pipeline):
    first = classify(frame, pipeline, phase="first")
    assert first.columns[-1] == "routed"
    both = classify(frame, pipeline)
    second = classify(first, pipeline, phase="second")
    assert second.columns == both.columns
    assert collect(second) == collect(both)


def test_second_phase_gets_as_much_in_each_partition(spark):
    """The texts that are routed are all in the first quarter of the rows."""
    texts = ["gold"] * 100 + ["I lost my card"] * 300
    frame = spark.createDataFrame(list(enumerate(texts)), "id long, text string")
    found = classify(
        frame, PIPELINES / "exclusive-2", two_phases=True, partitions=4
    ).where("stage = 'zero_shot_fallback'")
    shares = [len(part) for part in found.rdd.glom().collect()]
    assert sum(shares) == 100 and max(shares) <= 40


def test_columns_of_all_types_stay_as_they_are(spark, tmp_path):
    moment = datetime.datetime(2026, 3, 29, 1, 30, 0, 123456)
    rows = [
        (0, "gold", moment, moment, Decimal("1.50"), [Decimal("0.01"), None]),
        (1, None, None, None, None, None),
        (2, "xyzzy", moment, moment, Decimal("-9.99"), []),
    ]
    schema = "id byte, text string, at timestamp, local timestamp_ntz, "
    schema += "price decimal(10,2), shares array<decimal(3,2)>"
    frame = spark.createDataFrame(rows, schema).selectExpr(
        "*",
        "struct(id, map('a', at)) as both",
        "named_struct('x', array(named_struct('y', id))) as deep",
        "cast(text as binary) as bytes",
        "to_date(at) as day",
        "double('NaN') as missing",
        "id > 0 as flag",
        "interval '1' day as span",
    )
    frame.write.parquet(str(tmp_path / "in"))
    read = spark.read.parquet(str(tmp_path / "in"))
    classify(read, PIPELINES / "exclusive-2").write.parquet(str(tmp_path / "out"))
    found = spark.read.parquet(str(tmp_path / "out"))
    assert found.schema[: len(read.columns)] == read.schema
    assert found.columns[len(read.columns)] == "label"
    own = found.select(*read.columns)
    assert repr(sorted(own.collect())) == repr(sorted(read.collect()))


def test_our_columns_get_a_prefix_where_a_name_is_taken(frame, spark):
    """To Spark, "Label" and "label" are the same."""
    taken = frame.withColumnRenamed("id", "Label")
    assert "predicted_label" in classify(taken, PIPELINES / "exclusive-2").columns
    with pytest.raises(ValueError, match=r"\[L702\]"):
        classify(taken, PIPELINES / "exclusive-2", prefix="")
    found = classify(frame, PIPELINES / "exclusive-2", prefix="our ", two_phases=True)
    assert found.columns[2] == "our label" and len(found.collect()) == 60


def test_large_strings_can_be_asked_for(frame, spark, pipeline):
    expected = collect(classify(frame, pipeline))
    name = "spark.sql.execution.arrow.useLargeVarTypes"
    spark.conf.set(name, "true")
    try:
        assert collect(classify(frame, pipeline, two_phases=True)) == expected
    finally:
        spark.conf.unset(name)


@pytest.mark.parametrize(
    "code, options",
    [
        ("L701", {"top": -1}),
        ("L701", {"partitions": 4}),
        ("L701", {"phase": "first", "two_phases": True}),
        ("L703", {"text_col": "body"}),
        ("L704", {"text_col": "tags"}),
        ("L705", {"phase": "second"}),
        ("L720", {"pipeline": "nothing"}),
    ],
)
def test_bad_input_is_said_before_a_job(spark, frame, code, options):
    frame = frame.selectExpr("*", "array(text) as tags")
    spark.sparkContext.setJobGroup(code, "")
    options = {"pipeline": PIPELINES / "exclusive-2", **options}
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        classify(frame, **options)
    tracker = spark.sparkContext.statusTracker()
    assert list(tracker.getJobIdsForGroup(code)) == []


def test_other_frames_are_refused():
    with pytest.raises(ValueError, match=r"\[L701\].*DataFrame of Spark"):
        classify([], PIPELINES / "exclusive-2")


def test_nothing_is_sent_through_spark_connect():
    """Its session has no context."""
    frame = SimpleNamespace(mapInArrow=None, sparkSession=object())
    with pytest.raises(ValueError, match=r"\[L721\]"):
        classify(frame, PIPELINES / "exclusive-2")


def test_other_release_on_an_executor_is_refused():
    with pytest.raises(ValueError, match=r"\[L724\].*0\.0\.9"):
        next(label_rows(iter([]), {"driver": "0.0.9"}))


def test_archive_is_found_by_its_name(spark, frame, pipeline, tmp_path):
    name = f"{pipeline.name}-archive"
    with tarfile.open(tmp_path / f"{name}.tar.gz", "w:gz") as archive:
        archive.add(pipeline, "training/model-best")
    spark.sparkContext.addArchive(f"{tmp_path / name}.tar.gz#{name}")
    assert collect(classify(frame, name)) == collect(classify(frame, pipeline))


def test_archive_without_a_pipeline_is_refused(spark, frame, tmp_path):
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as archive:
        archive.add(__file__, "text")
    spark.sparkContext.addArchive(f"{tmp_path / 'other.tar.gz'}#other")
    with pytest.raises(ValueError, match=r"\[L722\]"):
        classify(frame, "other")


def install(pipeline, folder, name):
    """Make a package of a pipeline, as pip leaves it."""
    package = folder / name
    subprocess.run(["cp", "-r", pipeline, package], check=True)
    (package / "__init__.py").write_text(
        "from pathlib import Path\n"
        "from spacy.util import load_model_from_path\n"
        "def load(**overrides):\n"
        "    return load_model_from_path(Path(__file__).parent, **overrides)\n"
    )
    about = folder / f"{name}-0.0.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Name: {name}\nVersion: 0.0.0\n")


def test_package_is_loaded_on_executors(frame, site, pipeline, monkeypatch):
    name = pipeline.name.replace("-", "_")
    install(pipeline, site, name)
    monkeypatch.syspath_prepend(site)
    assert collect(classify(frame, name)) == collect(classify(frame, pipeline))


@pytest.mark.skipif(
    "SPARK_KILLS" not in os.environ, reason="each task fails four times, in a minute"
)
def test_other_package_on_an_executor_is_refused(frame, site, tmp_path, monkeypatch):
    for name in ("tickets", "letters"):
        install(PIPELINES / "exclusive-2", tmp_path, name)
    install(PIPELINES / "multilabel-2", site, "tickets")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Exception, match=r"\[L726\].*as 'tickets'"):
        classify(frame, "tickets").collect()
    with pytest.raises(Exception, match=r"\[L725\].*'letters'.*" + sys.executable):
        classify(frame, "letters").collect()


def test_executor_without_the_package_says_so(spark, frame, tmp_path, monkeypatch):
    """It has all that Spark needs, but isn't ours."""
    folder = tmp_path / "bare"
    command = [sys.executable, "-m", "venv", "--without-pip", folder]
    subprocess.run(command, check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in BARE:
        source = Path(pa.__file__).parents[1] / name
        if source.exists():
            (packages / name).symlink_to(source)
    found = classify(frame, PIPELINES / "exclusive-2")
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(folder / "bin/python"))
    with pytest.raises(Exception, match=r"\[L723\].*/bare/bin/python.*--archives"):
        classify(frame, PIPELINES / "exclusive-2").collect()
    assert len(found.collect()) == 60


def test_worker_loads_a_pipeline_once(pipeline):
    """And forgets it for another one."""
    names = [str(pipeline), str(PIPELINES / "exclusive")]
    rows = pa.RecordBatch.from_pydict({"text": ["gold", "xyzzy"]})
    loaded = []
    for name in (names[0], names[0], names[1]):
        options = [asdict(batch.BatchOptions(phase=x)) for x in ("first", "second")]
        task = {"driver": __version__, "source": ("package", name), "options": options}
        task["version"] = batch.read_version(spacy.load(name))
        (found,) = label_rows(iter([rows]), {**task, "is_counted": True})
        assert found.schema.names[-1] == "spacy_longtail_routed"
        loaded.append({own.nlp for own in next(iter(_LOADED.values())).values()})
    assert len(_LOADED) == 1 and list(map(len, loaded)) == [1, 1, 1]
    assert loaded[0] == loaded[1] != loaded[2]


def find_processes(spark, name):
    """RETURNS (List[int]): Ids of the processes of executors: "CoarseGrained", their
    JVMs, or "pyspark.daemon", their Pythons.
    """
    commands, parents = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            commands[int(folder.name)] = (folder / "cmdline").read_bytes().decode()
            status = (folder / "status").read_text()
        except OSError:
            continue
        parents[int(folder.name)] = int(status.split("PPid:")[1].split()[0])
    app = spark.sparkContext.applicationId
    owners = {pid for pid, text in commands.items() if "CoarseGrained" in text}
    owners = {pid for pid in owners if app in commands[pid]}
    if name == "CoarseGrained":
        return sorted(owners)
    daemons = {pid for pid, parent in parents.items() if parent in owners}
    # Those that work were forked by one that waits.
    return sorted(pid for pid, parent in parents.items() if parent in daemons)


def make_slow(spark, n_rows):
    """RETURNS (DataFrame): Seven rows take 20 ms, on any machine."""

    def wait(batches):
        import time

        for rows in batches:
            time.sleep(0.02)
            yield rows

    words = "array('gold', 'lost card', 'xyzzy', 'a room')[id % 4]"
    frame = spark.range(0, n_rows, 1, 8)
    frame = frame.selectExpr("id", f"concat({words}, ' ', id) as text")
    return frame.mapInArrow(wait, frame.schema)


def run_and_kill(spark, frame, name, n_kills):
    """RETURNS (List[Dict]): The rows, although processes were killed meanwhile."""
    found = []
    thread = threading.Thread(target=lambda: found.extend(collect(frame)))
    thread.start()
    rng, n_killed = random.Random(0), 0
    while thread.is_alive() and n_killed < n_kills:
        time.sleep(rng.uniform(0.5, 1.5))
        processes = find_processes(spark, name)
        if processes and thread.is_alive():
            os.kill(rng.choice(processes), signal.SIGKILL)
            n_killed += 1
    thread.join()
    assert n_killed == n_kills, "the job was over too early"
    return found


@pytest.mark.parametrize("name", ["pyspark.daemon", "CoarseGrained"])
def test_killed_process_loses_and_doubles_nothing(spark, name):
    """SPARK_KILLS says how many are killed."""
    from pyspark.sql import Observation

    n_kills = int(os.environ.get("SPARK_KILLS", 1))
    counts, n_rows = Observation(name), 2000 * n_kills
    frame = make_slow(spark, n_rows)
    nlp = spacy.load(PIPELINES / "exclusive-2")
    classified = classify(frame, nlp, two_phases=True, observe=counts)
    found = run_and_kill(spark, classified, name, n_kills)
    words = ["gold", "lost card", "xyzzy", "a room"]
    texts = [f"{words[number % 4]} {number}" for number in range(n_rows)]
    table = pa.table({"id": list(range(n_rows)), "text": texts})
    assert found == pa.Table.from_batches(batch.classify(table, nlp)).to_pylist()
    assert counts.get["rows"] == n_rows
