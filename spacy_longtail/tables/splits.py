from typing import Optional

SPLITS = ("train", "dev", "test")
SPLIT_NAMES = {"valid": "dev", "validation": "dev", "val": "dev", "training": "train"}


def get_split_name(name: str) -> Optional[str]:
    """RETURNS (Optional[str]): "train", "dev" or "test" for a name like "Valid"."""
    name = name.strip().lower()
    name = SPLIT_NAMES.get(name, name)
    return name if name in SPLITS else None
