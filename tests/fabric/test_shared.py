"""Shared: everybody gets what they asked for, in order and in turn."""

from random import Random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from skipwalk.hw.fabric.shared import Shared

from ..support.queries import Bench


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("gap", [0.0, 0.6])
def test_each_client_gets_its_own_answers(n, gap):
    random = Random(n)
    asked = [[random.randrange(1 << 16) for _ in range(60)] for _ in range(n)]
    dut = Shared(n, 16, 17)
    bench = Bench(dut, gap=gap, seed=n)
    got = []
    for client, requests in zip(dut.clients, asked, strict=True):
        bench.source(client.request, requests)
        got.append(bench.watch(client.response.valid, client.response.payload, len(requests)))
    bench.server(dut.server, lambda request: 3 * request & 0x1FFFF, latency=4)
    cycles = bench.run()
    assert got == [[3 * request & 0x1FFFF for request in requests] for requests in asked]
    if not gap:
        assert cycles <= max(n, 2) * 60 + 14, "a request a cycle, of one client every other cycle"


def test_who_was_served_last_waits_for_all_others():
    dut = Shared(3, 16, 16)
    bench = Bench(dut)
    order = []
    for i, client in enumerate(dut.clients):
        bench.source(client.request, [i] * 20)
    bench.server(dut.server, lambda request: order.append(request) or 0, latency=2)
    last = bench.watch(dut.clients[0].response.valid, dut.clients[0].response.payload, 20)
    bench.run()
    assert len(last) == 20
    assert order[:3] in ([0, 1, 2], [1, 2, 0])
    assert all(order[i] != order[i + 1] for i in range(len(order) - 1))


def test_no_more_than_allowed_are_under_way():
    dut = Shared(2, 8, 8, under_way=4)
    bench = Bench(dut)
    for client in dut.clients:
        bench.source(client.request, list(range(30)))
    got = [bench.watch(c.response.valid, c.response.payload, 30) for c in dut.clients]
    bench.server(dut.server, lambda request: request, latency=30)
    cycles = bench.run()
    assert got == [list(range(30))] * 2
    assert cycles >= 60 // 4 * 30


def test_one_follows_another_and_a_server_needs_a_client():
    wiring.connect(Module(), Shared(1, 4, 5).server, Shared(3, 4, 5).clients[0])
    with pytest.raises(ValueError, match="at least one client, not 0"):
        Shared(0, 1, 1)
