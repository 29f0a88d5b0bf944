"""The fault campaign: a short one finds nothing, and one that must find something does."""

import json

import numpy as np
import pytest
from skipwalk.sim.link.faults import FAULTS
from skipwalk.sw.lab import link_campaign


def values(path) -> dict:
    return {row["name"]: row["value"] for row in json.loads(path.read_text())}


def test_short_campaign(tmp_path):
    path = tmp_path / "link" / "summary.json"
    assert link_campaign.main([str(path), "--rounds", "3", "--words", "1000", "--rate", "0.3"]) == 0
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
    assert link_campaign.main([str(path), "--rounds", "1", "--words", "50", "--rate", "0"]) == 1
    assert values(path)["link.wrong_results"] == 50


def test_campaign_sees_hangs(tmp_path, monkeypatch, capsys):
    class Deaf(link_campaign.RtlPipe):
        def read(self, timeout):
            data = super().read(timeout)
            return b"" if self.clock() > 0.05 else data

    monkeypatch.setattr(link_campaign, "RtlPipe", Deaf)
    monkeypatch.setattr(link_campaign, "GIVE_UP", 1.0)
    path = tmp_path / "summary.json"
    assert link_campaign.main([str(path), "--rounds", "1", "--words", "3000", "--rate", "0"]) == 1
    assert values(path)["link.hangs"] == 1
    assert "has not answered" in capsys.readouterr().err


def test_walk_cost_counts_frames():
    assert link_campaign.walk_cost(10) == pytest.approx(4 * 41 + 13)
