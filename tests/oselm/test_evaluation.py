"""How embeddings are judged: which nodes are held out."""

import numpy as np
from skipwalk.sw.oselm import evaluation
from skipwalk.sw.oselm.evaluation import evaluate


def test_folds_hold_every_node_out_once(monkeypatch):
    held = []
    monkeypatch.setattr(evaluation, "f1_score", lambda truth, guess, **how: held.append(truth) or 0.0)
    vectors = np.random.default_rng(1).normal(size=(40, 3))
    labels = np.repeat(["a", "b"], 20)
    assert len(evaluate(vectors, labels, folds=True).micro) == 10
    assert sum(len(truth) for truth in held[::4]) == 40
    assert len(evaluate(vectors, labels, repeats=3, folds=True).micro) == 3
    monkeypatch.undo()
    ways = [evaluate(vectors, labels, folds=True, seed=seed).micro for seed in (0, 0, 1)]
    assert np.array_equal(ways[0], ways[1])
    assert not np.array_equal(ways[0], ways[2])
