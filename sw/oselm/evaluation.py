"""How much of the nodes' classes an embedding knows: one-vs-rest logistic regression, as in the node2vec papers."""

import warnings
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from ..errors import InputError

__all__ = ["Scores", "check_labels", "evaluate"]


@dataclass(frozen=True)
class Scores:
    """F1 on the nodes held out, one value for each split: (repeats,) float64.

    ``majority_micro`` and ``majority_macro`` answer with the most frequent class of the training nodes instead.
    """

    micro: np.ndarray
    macro: np.ndarray
    majority_micro: np.ndarray
    majority_macro: np.ndarray


#: Beyond this, squares would overflow.
_LARGEST = 1e100


def check_labels(labels: Sequence[Hashable] | np.ndarray, *, test_share: float = 0.1) -> None:
    """Raises InputError for labels that :func:`evaluate` cannot take, whatever the vectors: only one class, one with
    a single node, or fewer held-out nodes than classes."""
    sizes = Counter(str(label) for label in labels)
    if len(sizes) < 2:
        raise InputError(f"{len(sizes)} class among {len(labels)} labelled nodes; an evaluation needs two or more")
    rare, count = min(sizes.items(), key=lambda item: item[1])
    if count < 2:
        raise InputError(f"class {rare!r} has a single node; every class needs two or more")
    n_test = int(np.ceil(test_share * len(labels)))
    if n_test < len(sizes):
        raise InputError(f"{len(labels)} labelled nodes leave {n_test} to test {len(sizes)} classes; label more nodes")


def evaluate(
    vectors: np.ndarray,
    labels: Sequence[Hashable] | np.ndarray,
    *,
    repeats: int = 10,
    test_share: float = 0.1,
    seed: int = 0,
    folds: bool = False,
) -> Scores:
    """Train a classifier on 1 - ``test_share`` of the nodes and test it on the others, ``repeats`` times.

    Splits are stratified, and each is drawn anew, or with ``folds`` the first ``repeats`` parts of one drawing,
    in which every node is held out once. Columns are standardised by the mean and deviation of the training nodes.

    Parameters
    ----------
    vectors : (n, dim)
    labels : (n,)
        The class of each row.

    Raises
    ------
    InputError
        Vectors without numbers or with too large ones, or as :func:`check_labels`.
    """
    if len(vectors) != len(labels):
        raise InputError(f"{len(labels)} labels for {len(vectors)} vectors; give one for each")
    if not vectors.shape[1] or float(np.abs(vectors).max(initial=0)) > _LARGEST:
        raise InputError(f"vectors of {vectors.shape[1]} numbers, or some beyond {_LARGEST:g}; scale them")
    check_labels(labels, test_share=test_share)
    classes = np.unique([str(label) for label in labels], return_inverse=True)[1]
    model = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(max_iter=2000)))
    if folds:
        parts = StratifiedKFold(round(1 / test_share), shuffle=True, random_state=seed).split(vectors, classes)
    else:
        parts = StratifiedShuffleSplit(repeats, test_size=test_share, random_state=seed).split(vectors, classes)
    rows = []
    for train, test in islice(parts, repeats):
        # On matrices as small as these, threads cost several times what they gain.
        with warnings.catch_warnings(), threadpool_limits(1):
            # Not converging after 2,000 steps lowers the score, which is what is reported.
            warnings.simplefilter("ignore", ConvergenceWarning)
            guess = model.fit(vectors[train], classes[train]).predict(vectors[test])
        most = np.full(len(test), np.bincount(classes[train]).argmax())
        rows.append(
            [
                f1_score(classes[test], answer, average=average, zero_division=0)
                for answer in (guess, most)
                for average in ("micro", "macro")
            ]
        )
    micro, macro, majority_micro, majority_macro = np.array(rows).T
    return Scores(micro, macro, majority_micro, majority_macro)
