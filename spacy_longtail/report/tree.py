from typing import Any, Dict, List

from ..taxonomy import Taxonomy


def get_tree(taxonomy: Taxonomy, labels: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Arrange labels in a tree.

    labels (List[Dict[str, Any]]): With label, count, support and f.
    RETURNS (List[Dict[str, Any]]): Nodes of the first level. Each has its path, its
        name (the last segment), n_labels, count, support, f (mean F1 of the labels
        below that have gold documents, None if none has) and children.
    """
    top: List[Dict[str, Any]] = []
    nodes: Dict[str, Dict[str, Any]] = {}
    scores: Dict[str, List[float]] = {}
    for row in labels:
        siblings = top
        for path in taxonomy.path(row["label"]):
            if path not in nodes:
                name = path.split(taxonomy.separator)[-1]
                nodes[path] = {"path": path, "name": name, "n_labels": 0, "count": 0}
                nodes[path].update(support=0, f=None, children=[])
                scores[path] = []
                siblings.append(nodes[path])
            node = nodes[path]
            node["n_labels"] += 1
            node["count"] += row["count"]
            node["support"] += row["support"]
            if row["support"]:
                scores[path].append(row["f"])
            siblings = node["children"]
    for path, values in scores.items():
        nodes[path]["f"] = sum(values) / len(values) if values else None
    return top
