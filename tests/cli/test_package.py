import os


def test_folder_with_something_in_it_is_kept(run, tickets_dir, tmp_path):
    (tmp_path / "kept").touch()
    done = run("package", tickets_dir / "model", tmp_path)
    assert done.exit_code == 1 and "[L604]" in done.output
    assert os.listdir(tmp_path) == ["kept"]


def test_pipeline_that_is_not_there(run, tmp_path):
    done = run("package", tmp_path / "none", tmp_path / "dist")
    assert done.exit_code == 1 and "[L601]" in done.output
    assert os.listdir(tmp_path) == []
