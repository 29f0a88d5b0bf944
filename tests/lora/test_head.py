"""y, its answer, its gradient and what is counted of it, against the golden model."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.lora.head import LoraHead
from skipwalk.hw.lora.ops import BeatKind
from skipwalk.hw.lora.protocol import REPORT_WORDS
from skipwalk.sim.arith.fixed import requantize
from skipwalk.sim.lora import golden

from ..support.compare import assert_same
from ..support.lora_blocks import SHAPES, bench, with_extremes

LATENCY, SUM_BITS = 13, 40
SAMPLES = 40


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("gap", [0, 7])
def test_head(name, gap):
    """Samples that train and others, as close as they may be and not; slots without a sample; extreme sums; epochs of
    one sample and of several, whose reports come whole."""
    cfg = SHAPES[name]
    rng = np.random.default_rng(gap)
    m, lag = cfg.classes, cfg.lag
    dut = LoraHead(cfg, latency=LATENCY, sum_bits=SUM_BITS)
    slot = max(2 * m, m + dut.latency, -(-(2 * m + LATENCY + dut.latency) // (lag - 2))) + gap
    state = golden.initial_state(cfg, np.zeros((cfg.adapter_words, cfg.lanes)), 1500)
    wide = 1 << (SUM_BITS - 3)
    samples = []
    for s in range(SAMPLES):
        epochs = s >= SAMPLES // 2
        scale = wide if s % 5 == 4 else 40 << cfg.y_shift
        sums = with_extremes(rng, -scale, scale, m)
        c = with_extremes(rng, cfg.y.min_raw, cfg.y.max_raw, m)
        label = int(rng.integers(m)) if epochs or rng.random() < 0.7 else None
        valid = epochs or rng.random() < 0.9
        ends = epochs and (s % 3 == 0 or s == SAMPLES - 1)
        samples.append({"sums": sums, "c": c, "label": label, "valid": valid, "counted": epochs, "ends": ends})

    answers, gradients, right = [], {}, 0
    tally = [0, 0, 0]
    for s, sample in enumerate(samples):
        if not sample["valid"]:
            continue
        exact = sample["sums"] + (sample["c"] << cfg.y_shift)
        y = requantize(exact, cfg.y_shift, cfg.y)
        state.counters["sat_y"] += int((y != (exact + (1 << cfg.y_shift >> 1) >> cfg.y_shift)).sum())
        if sample["label"] is None:
            answers += y.tolist()
            continue
        gradients[s] = golden.softmax_error(cfg, state, y, sample["label"])
        hit = int(y.argmax() == sample["label"])
        right += hit
        if sample["counted"]:
            loss = golden.cross_entropy(cfg, y, sample["label"])
            tally = [a + b for a, b in zip(tally, (1, hit, loss), strict=True)]
            if sample["ends"]:
                words = [*tally[:2], tally[2] & 0xFFFFFFFF, tally[2] >> 32]
                answers += [w - (w >> 31 << 32) for w in words]
                tally = [0, 0, 0]

    events = dict.fromkeys(("trained", "correct", "saturated_y", "saturated_g"), 0)
    got_answers, got_g = [], {}
    due: dict[int, int] = {}

    def step(ctx, t):
        s, beat = divmod(t, slot)
        if s < SAMPLES and beat < m:
            # c of the sample before its beats, which come in the second half of the slot.
            ctx.set(dut.c.en, 1)
            ctx.set(dut.c.ring, s % 8)
            ctx.set(dut.c.class_, beat)
            ctx.set(dut.c.value, int(samples[s]["c"][beat]))
        else:
            ctx.set(dut.c.en, 0)
        head = m <= beat < 2 * m and s < SAMPLES
        ctx.set(dut.beats.op.valid, int(beat < 2 * m))
        ctx.set(dut.beats.op.kind, BeatKind.HEAD if head else BeatKind.BACK)
        ctx.set(dut.beats.op.index, beat % m)
        if s < SAMPLES:
            sample = samples[s]
            fields = {name: int(sample[name]) for name in ("valid", "counted", "ends")}
            fields |= {"train": int(sample["label"] is not None), "label": sample["label"] or 0, "ring": s % 8}
            ctx.set(dut.beats.sample, fields)
            if head:
                due[t + LATENCY] = int(sample["sums"][beat - m])
        ctx.set(dut.parameters.rate, state.rate)
        ctx.set(dut.sums.valid, int(t in due or t % 3 == 0))
        ctx.set(dut.sums.op.kind, BeatKind.HEAD if t in due else BeatKind.DENSE)
        ctx.set(dut.sums.value, due.pop(t, -1))
        # The pass `back` that is due reads g of the sample lag - 2 slots before.
        old = s - (lag - 2)
        if beat < m and old in gradients:
            ctx.set(dut.g.ring, old % 8)
            ctx.set(dut.g.class_, beat)
            got_g.setdefault(old, []).append(ctx.get(dut.g.value))
        if ctx.get(dut.answer_valid):
            got_answers.append(ctx.get(dut.answer))
        for event in events:
            events[event] += ctx.get(getattr(dut, event))
        return t < slot * (SAMPLES + lag + 1)

    # The beats of a sample come m after the start of its slot: the timetable allows for the same.
    bench(dut, step)
    assert len(answers) > REPORT_WORDS
    assert_same(got_answers, answers, cfg=cfg)
    assert got_g.keys() == gradients.keys()
    for s, g in gradients.items():
        assert_same(got_g[s], g, fmt=cfg.g, sample=s, cfg=cfg)
    assert events == {
        "trained": len(gradients),
        "correct": right,
        "saturated_y": state.counters["sat_y"],
        "saturated_g": state.counters["sat_g"],
    }
    assert state.counters["sat_y"] > 0
