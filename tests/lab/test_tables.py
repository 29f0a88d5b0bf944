"""The figures of the README are those of the files under results/."""

from skipwalk.sw.lab.tables import bench_tables

from ..support.command import skipwalk


def test_tables_are_fresh():
    done = skipwalk("lab", "tables", "--check")
    assert done.exit_code == 0, done.stderr


def test_times_that_no_routed_core_took_stand_in_brackets():
    values = {"fpga.clock_mhz": 80.0, "oselm.walk_us.fpga": 25.0, "oselm.walk_us.fpga.d64": 100.0}
    # One note is about a value that was not measured.
    notes = {"oselm.walk_us.fpga.d64": "not routed", "oselm.walk_us.fpga.d96": "does not fit"}
    _, body, remark = bench_tables.times(values, notes)
    assert body[0] == ["the core at 80.0 MHz, post-route", "25.0", "(100.0)", "-", "-", "-"]
    assert remark == "In brackets: D = 64: not routed."
    unit = {f"lora.digits.{name}.fpga": 1.5 for name in ("sample_us.skip2", "finetune_ms.skip2", "saved_by_cache")}
    _, body, remark = bench_tables.lora(unit, {"lora.digits.sample_us.skip2.fpga": "another clock"})
    assert body[0][1:] == ["(1.50)", "-", "-", "(1.5)", "150%", "-"]
    assert remark == "In brackets: another clock."
