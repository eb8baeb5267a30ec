import pytest

# Of a classification with two levels.
TREE = """code,title,description,parent
A,Animals,,
A1,Dogs,"Animals that bark, fetch sticks and guard houses",A
A2,Cats,"Animals that purr, climb trees and catch mice",A
B,Vehicles,,
B1,Trucks,"Vehicles that carry freight and heavy loads",B
B2,Bicycles,"Vehicles with two wheels and pedals",B
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="codes.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf8")
        return path

    return write


@pytest.fixture
def tree(write):
    return write(TREE)
