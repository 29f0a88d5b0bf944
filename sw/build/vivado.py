"""A block design around an exported core, for Vivado and a Zynq."""

__all__ = ["block_design"]

_DESIGN = """\
# Module {module} beside the processor of a Zynq: vivado -mode batch -source {name}.tcl
# Its words come and go by an AXI DMA, its registers are on AXI4-Lite; {memory_said}
# Written by `skipwalk export --vivado`; what of it has been tried is said in docs/zynq.md.
set part {{{part}}}
set board_part {{}} ;# as tul.com.tw:pynq-z2:part0:1.0, which sets up the processor; else import its settings yourself
set mhz {mhz:g}
set folder [file dirname [file normalize [info script]]]

create_project skipwalk $folder/{name}-vivado -part $part -force
if {{$board_part ne ""}} {{ set_property board_part $board_part [current_project] }}
add_files $folder/{verilog}
update_compile_order -fileset sources_1
create_bd_design system

# The processor: of a Zynq-7000, or of an UltraScale+.
if {{[string match xc7z* $part]}} {{
    set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps]
    apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \\
        -config {{make_external "FIXED_IO, DDR" apply_board_preset 1}} $ps
    set_property -dict [list CONFIG.PCW_USE_S_AXI_HP0 1 CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $mhz] $ps
    set control /ps/M_AXI_GP0
    set storage /ps/S_AXI_HP0
    set clock /ps/FCLK_CLK0
}} else {{
    set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:zynq_ultra_ps_e ps]
    apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config {{apply_board_preset 1}} $ps
    set_property -dict [list CONFIG.PSU__USE__S_AXI_GP2 1 CONFIG.PSU__USE__M_AXI_GP1 0 \\
        CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $mhz] $ps
    set control /ps/M_AXI_HPM0_FPD
    set storage /ps/S_AXI_HP0_FPD
    set clock /ps/pl_clk0
}}

# The core; its ports are named so that Vivado sees the buses.
set core [create_bd_cell -type module -reference {module} core]
set_property CONFIG.ASSOCIATED_BUSIF {{{buses}}} [get_bd_pins core/aclk]

# Words: a DMA without scatter and gather, 64 MiB at once.
set dma [create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma dma]
set_property -dict {{CONFIG.c_include_sg 0 CONFIG.c_sg_length_width 26 CONFIG.c_include_mm2s_dre 0
    CONFIG.c_m_axi_mm2s_data_width 32 CONFIG.c_m_axis_mm2s_tdata_width 32 CONFIG.c_mm2s_burst_size 64
    CONFIG.c_m_axi_s2mm_data_width 32 CONFIG.c_s_axis_s2mm_tdata_width 32 CONFIG.c_s2mm_burst_size 64}} $dma
connect_bd_intf_net [get_bd_intf_pins dma/M_AXIS_MM2S] [get_bd_intf_pins core/s_axis]
connect_bd_intf_net [get_bd_intf_pins core/m_axis] [get_bd_intf_pins dma/S_AXIS_S2MM]

# Registers to the processor, memory to the DMA{and_core}; clocks and resets come with it.
foreach slave {{/dma/S_AXI_LITE /core/s_axil}} {{
    apply_bd_automation -rule xilinx.com:bd_rule:axi4 \\
        -config [list Master $control Slave $slave Clk_master $clock Clk_slave $clock Clk_xbar $clock] \\
        [get_bd_intf_pins $slave]
}}
foreach master {{{masters}}} {{
    apply_bd_automation -rule xilinx.com:bd_rule:axi4 \\
        -config [list Master $master Slave $storage Clk_master $clock Clk_slave $clock Clk_xbar $clock] \\
        [get_bd_intf_pins $master]
}}
assign_bd_address
validate_bd_design
save_bd_design

make_wrapper -files [get_files system.bd] -top -import
set_property top system_wrapper [current_fileset]
launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
# A pair of the same name, which is what PYNQ wants.
file copy -force [glob $folder/{name}-vivado/skipwalk.runs/impl_1/system_wrapper.bit] $folder/{name}.bit
file copy -force [glob $folder/{name}-vivado/skipwalk.gen/sources_1/bd/system/hw_handoff/system.hwh] $folder/{name}.hwh
"""


def block_design(module: str, verilog: str, part: str, *, memory: bool, mhz: float = 100.0) -> str:
    """Text of a Tcl script beside the Verilog file of that name.

    Parameters
    ----------
    module, verilog : str
        The exported module and its file.
    part : str
        As Vivado calls it: ``xc7z020clg400-1``, ``xczu7ev-ffvc1156-2-e``.
    memory : bool
        Whether the core has ``m_axi``.
    mhz : float
        Of the clock that core, DMA and buses share.
    """
    said = "its rows are in the processor's memory, behind m_axi." if memory else "its rows are on the chip."
    masters = ["/dma/M_AXI_MM2S", "/dma/M_AXI_S2MM", *(["/core/m_axi"] if memory else [])]
    return _DESIGN.format(
        module=module,
        verilog=verilog,
        name=verilog.rpartition(".")[0],
        part=part,
        mhz=mhz,
        memory_said=said,
        buses=":".join(["s_axis", "m_axis", "s_axil", *(["m_axi"] if memory else [])]),
        and_core=" and to the core" if memory else "",
        masters=" ".join(masters),
    )
