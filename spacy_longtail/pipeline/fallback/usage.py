import time
from dataclasses import dataclass
from typing import Dict


@dataclass
class Usage:
    """What the fallback has cost in this process so far.

    docs (int): Documents seen.
    routed (int): Documents that the ranker was asked about.
    candidates (int): Labels scored, summed over documents.
    seconds (float): Time in the fallback.
    """

    docs: int = 0
    routed: int = 0
    candidates: int = 0
    seconds: float = 0.0

    def to_dict(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): With shares and means per document."""
        return {
            "docs": self.docs,
            "routed": self.routed,
            "routed_share": self.routed / max(self.docs, 1),
            "candidates_per_routed_doc": self.candidates / max(self.routed, 1),
            "ms_per_doc": 1000.0 * self.seconds / max(self.docs, 1),
            "ms_per_routed_doc": 1000.0 * self.seconds / max(self.routed, 1),
        }


def now() -> float:
    return time.perf_counter()
