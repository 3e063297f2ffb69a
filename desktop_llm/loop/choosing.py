"""Which rows to label next: orders of the rows without a label, each a list of their places, best first.

`useful` is what the loop does by itself. With few labels a model knows nothing that its doubts could be about, so
typical rows of regions without a label come first (TypiClust: Hacohen, Dekel and Weinshall 2022, arXiv 2202.02794);
then those between whose two likeliest labels the head can hardly decide, rare labels before common ones, spread out by
clusters weighted with that doubt (Zhdanov 2019, arXiv 1901.05954). That the one should follow the other is Doucet et
al.'s finding (2024, arXiv 2403.03728); when, was measured on banking77 (tests/benchmarks/labeling.py).
"""

from __future__ import annotations

import numpy as np

from desktop_llm.loop.features import directions

FIRST_LEAST, FIRST_A_CLASS = 40, 3
"""Labels from typical rows before doubts count: so many, and so many for each class that is known."""
MOST_CLUSTERS = 500
SCARCE = 0.5
"""How much the labels that a class has already weigh against a row that may be of it."""
TOP = 10
"""Rows in doubt that compete for each place of a batch."""
NEIGHBOURS = 5
AT_ONCE = 1000


def is_early(labeled: int, classes: int) -> bool:
    """Whether rows should still be chosen for being typical."""
    return labeled < max(FIRST_LEAST, FIRST_A_CLASS * classes)


def typical(unit: np.ndarray, labeled: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """`count` rows, each the one nearest to the middle of its cluster, clusters without a label and large ones first.

    `unit` float32 [n, d] are all rows, of length one; `labeled` bool [n] those with a label.
    """
    from sklearn.cluster import MiniBatchKMeans

    count = min(count, int((~labeled).sum()))
    if count <= 0:
        return np.zeros(0, dtype=np.int64)
    clusters = min(int(labeled.sum()) + count, MOST_CLUSTERS, len(unit))
    made = MiniBatchKMeans(clusters, n_init=1, batch_size=2048, max_iter=30, random_state=seed).fit(unit)
    found, middles = made.labels_, directions(made.cluster_centers_)
    near = np.einsum("nd,nd->n", unit, middles[found])
    known = np.bincount(found[labeled], minlength=clusters)
    sizes = np.bincount(found, minlength=clusters)
    # the rank of each waiting row within its cluster, then clusters by turns
    rows = np.flatnonzero(~labeled)
    ordered = rows[np.lexsort((-near[rows], found[rows]))]
    first = np.searchsorted(found[ordered], np.arange(clusters))
    turn = known[found[ordered]] + np.arange(len(ordered)) - first[found[ordered]]
    return np.asarray(ordered[np.lexsort((-sizes[found[ordered]], turn))][:count], dtype=np.int64)


def doubt(probabilities: np.ndarray, *, many: bool = False) -> np.ndarray:
    """How little the head can decide, 0…1, float32 [n]: one less the lead of the likeliest label over the next.

    With several labels a row: how near the class nearest to one half is to it.
    """
    if many:
        return np.asarray(1.0 - np.abs(2.0 * probabilities - 1.0).min(axis=1), dtype=np.float32)
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities), dtype=np.float32)
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(1.0 - (two[:, 1] - two[:, 0]), dtype=np.float32)


def worth(doubts: np.ndarray, probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Doubts float32 [n] that count for more where the likeliest class has few of the `labels` int64 [k].

    A head is unsure for long between classes that are alike, and so would ask for these only.
    """
    return np.asarray(doubts / (1.0 + labels[probabilities.argmax(axis=1)]) ** SCARCE, dtype=np.float32)


def doubtful(unit: np.ndarray, doubts: np.ndarray, waiting: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """`count` of the rows `waiting` (places): the centres of clusters of those in most doubt, weighted by it."""
    from sklearn.cluster import KMeans

    count = min(count, len(waiting))
    if count <= 0:
        return np.zeros(0, dtype=np.int64)
    top = waiting[np.argsort(-doubts[waiting], kind="stable")[: count * TOP]]
    if len(top) <= count:
        return np.asarray(top, dtype=np.int64)
    weight = doubts[top] + 1e-6
    distances = KMeans(count, n_init=1, max_iter=20, random_state=seed).fit(unit[top], sample_weight=weight)
    chosen = top[np.unique(distances.transform(unit[top]).argmin(axis=0))]
    rest = top[~np.isin(top, chosen)][: count - len(chosen)]  # two clusters may share their nearest row
    both = np.concatenate([chosen, rest])
    return np.asarray(both[np.argsort(-doubts[both], kind="stable")], dtype=np.int64)


def disagreement(probabilities: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """How far a committee is apart: the Jensen-Shannon divergence of its members over log(members), float32 [n].

    Query by committee (Seung, Opper and Sompolinsky 1992), with the divergence as its measure.
    """
    members = np.stack([probabilities, *others]).astype(np.float64)
    middle = members.mean(axis=0)
    apart = _entropy(middle) - np.stack([_entropy(one) for one in members]).mean(axis=0)
    return np.asarray(np.clip(apart / np.log(len(members)), 0.0, 1.0), dtype=np.float32)


def by_neighbours(unit: np.ndarray, known: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """What the labels of a row's nearest labeled rows say, float32 [n, k]; `known` their places, in `targets`' order.

    A model of another kind than the head, for the committee.
    """
    count = min(NEIGHBOURS, len(known))
    made = np.empty((len(unit), targets.shape[1]), dtype=np.float32)
    for start in range(0, len(unit), AT_ONCE):
        cosines = unit[start : start + AT_ONCE] @ unit[known].T
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        near = np.take_along_axis(cosines, nearest, axis=1)
        weight = np.exp(5.0 * (near - near.max(axis=1, keepdims=True)))
        voted = np.einsum("nc,nck->nk", weight / weight.sum(axis=1, keepdims=True), targets[nearest])
        made[start : start + AT_ONCE] = voted
    return np.asarray((made + 0.01) / (1.0 + 0.01 * targets.shape[1]), dtype=np.float32)


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    safe = np.clip(probabilities, 1e-12, 1.0)
    return np.asarray(-(probabilities * np.log(safe)).sum(axis=1))
