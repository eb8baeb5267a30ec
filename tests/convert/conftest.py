import csv

import pytest


@pytest.fixture
def tickets(tmp_path):
    """A CSV file of 60 tickets in six categories."""
    path = tmp_path / "tickets.csv"
    with path.open("w", encoding="utf8", newline="") as file_:
        writer = csv.writer(file_)
        writer.writerow(["text", "label"])
        for i in range(60):
            writer.writerow([f"ticket number {i}", f"area {i % 2}/topic {i % 6}"])
    return path
