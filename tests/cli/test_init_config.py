from thinc.api import Config


def test_writes_a_config(run, table, tmp_path):
    path = tmp_path / "new" / "config.cfg"
    result = run("init-config", table, path)
    assert result.exit_code == 0
    assert "python -m spacy train" in result.stdout
    assert Config().from_disk(path, interpolate=False)["training"]["max_steps"] == 100


def test_never_overwrites_unless_forced(run, table, tmp_path):
    path = tmp_path / "config.cfg"
    path.write_text("mine", encoding="utf8")
    result = run("init-config", table, path)
    assert result.exit_code == 1
    assert "--force" in result.stdout
    assert path.read_text(encoding="utf8") == "mine"
    assert run("init-config", table, path, "--force").exit_code == 0


def test_prints_to_the_terminal(run, table):
    result = run("init-config", table, "-")
    assert Config().from_str(result.stdout, interpolate=False)["training"]


def test_unknown_kind(run, table, tmp_path):
    result = run("init-config", table, tmp_path / "c.cfg", "--optimize", "speed")
    assert result.exit_code == 1
    assert "[L650]" in result.output
    assert not (tmp_path / "c.cfg").exists()


def test_a_config_that_cannot_be_written(run, table):
    result = run("init-config", table, table / "config.cfg")
    assert result.exit_code == 1
    assert "[L625]" in result.output
