"""The fault campaign: a short one finds nothing, and one that must find something does."""

import json

import numpy as np
import pytest
from skipwalk.sim.link.faults import FAULTS
from skipwalk.sw.lab import link_campaign

from ..support.command import skipwalk


def values(path) -> dict:
    return {row["name"]: row["value"] for row in json.loads(path.read_text())}


def test_short_campaign(tmp_path):
    path = tmp_path / "link" / "summary.json"
    done = skipwalk("lab", "link", path, "--rounds", 3, "--words", 1000, "--rate", 0.3)
    assert done.exit_code == 0, done.output
    found = values(path)
    assert (found["link.wrong_results"], found["link.hangs"]) == (0, 0)
    assert found["link.bytes_per_walk"] <= 200
    assert found["link.words"] == 3000
    assert all(found[f"link.frames_damaged.{fault}"] > 0 for fault in FAULTS)
    assert found["provenance"]["seed"] == 1


def test_campaign_sees_wrong_words(tmp_path, monkeypatch):
    class Wrong(link_campaign.FoldingCore):
        def __call__(self, words):
            return super().__call__(words) ^ np.uint32(1)

    monkeypatch.setattr(link_campaign, "FoldingCore", Wrong)
    path = tmp_path / "summary.json"
    assert skipwalk("lab", "link", path, "--rounds", 1, "--words", 50, "--rate", 0).exit_code == 1
    assert values(path)["link.wrong_results"] == 50


def test_campaign_sees_hangs(tmp_path, monkeypatch):
    class Deaf(link_campaign.RtlPipe):
        def read(self, timeout):
            data = super().read(timeout)
            return b"" if self.clock() > 0.05 else data

    monkeypatch.setattr(link_campaign, "RtlPipe", Deaf)
    monkeypatch.setattr(link_campaign, "GIVE_UP", 1.0)
    path = tmp_path / "summary.json"
    done = skipwalk("lab", "link", path, "--rounds", 1, "--words", 3000, "--rate", 0)
    assert done.exit_code == 1
    assert values(path)["link.hangs"] == 1
    assert "has not answered" in done.stderr


def test_walk_cost_counts_frames():
    assert link_campaign.walk_cost(10) == pytest.approx(4 * 41 + 13)
