// Models of the cells between the pins of a board and its core: pads and PLL of ECP5, pads of Gowin. For simulation with
// time; the cells of the core itself are in ecp5.v. A parameter outside of the modes that are used instantiates a module
// that does not exist, whose name says what is wrong.

`timescale 1ps / 1ps

// ---- ECP5 (names and ports after Yosys' techlibs/lattice/cells_bb_ecp5.v)
module IB (input I, output O);
    assign O = I;
endmodule

// Not driven, the pad is pulled up.
module OBZ (input I, T, output O);
    assign O = I | T;
endmodule

module BB (input I, T, output O, inout B);
    assign B = T ? 1'bz : I;
    assign O = B;
endmodule

// Registers in an I/O cell, which the boards never reset.
module IFS1P3DX (input CD, D, SP, SCLK, output reg Q = 0);
    always @(posedge SCLK) if (SP) Q <= D;
endmodule

module OFS1P3DX (input CD, D, SP, SCLK, output reg Q = 0);
    always @(posedge SCLK) if (SP) Q <= D;
endmodule

// Both halves of a clock's period; the boards use it with constants, whose latency does not matter.
module ODDRX1F (input SCLK, RST, D0, D1, output Q);
    assign Q = SCLK ? D0 : D1;
endmodule

// PLL with feedback from CLKOP, after FPGA-TN-02200: one edge in CLKI_DIV of CLKI and one in CLKFB_DIV of CLKOP coincide.
// The oscillator, at CLKOP_DIV times CLKOP, has to run at 400 to 800 MHz, or LOCK never rises. The cell takes up to 15 ms
// to lock; the model takes LOCK_EDGES edges of CLKI, and its clock runs meanwhile. A period of CLKI that differs from the
// one before by more than a percent takes the lock away. CLKOS and CLKOS2, if they are used, are made of the oscillator,
// from the first edge of CLKOP on.
module EHXPLLL (
    input CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG, PLLWAKESYNC, ENCLKOP,
    output reg CLKOP = 0,
    output CLKOS, CLKOS2,
    output reg LOCK = 0
);
    parameter CLKI_DIV = 1;
    parameter CLKFB_DIV = 1;
    parameter CLKOP_DIV = 8;
    parameter CLKOP_CPHASE = 0;
    parameter CLKOP_FPHASE = 0;
    parameter CLKOP_ENABLE = "ENABLED";
    parameter CLKOS_ENABLE = "DISABLED";
    parameter CLKOS_DIV = 8;
    parameter CLKOS_CPHASE = 0;
    parameter CLKOS_FPHASE = 0;
    parameter OUTDIVIDER_MUXB = "DIVB";
    parameter CLKOS2_ENABLE = "DISABLED";
    parameter CLKOS2_DIV = 8;
    parameter CLKOS2_CPHASE = 0;
    parameter CLKOS2_FPHASE = 0;
    parameter OUTDIVIDER_MUXC = "DIVC";
    parameter FEEDBK_PATH = "CLKOP";
    parameter OUTDIVIDER_MUXA = "DIVA";
    parameter PLLRST_ENA = "DISABLED";
    parameter INTFB_WAKE = "DISABLED";
    parameter STDBY_ENABLE = "DISABLED";
    parameter DPHASE_SOURCE = "DISABLED";

    localparam LOCK_EDGES = 64;
    // Of the oscillator's period: by how many CLKOS and CLKOS2 are late, and how many lie between two common edges.
    localparam LATE = 8 * (CLKOS_CPHASE - CLKOP_CPHASE) + CLKOS_FPHASE;
    localparam LATE2 = 8 * (CLKOS2_CPHASE - CLKOP_CPHASE) + CLKOS2_FPHASE;
    localparam COMMON = 8 * CLKFB_DIV * CLKOP_DIV;

    generate
        if (FEEDBK_PATH != "CLKOP") EHXPLLL_model_has_only_FEEDBK_PATH_CLKOP error ();
        if (CLKOP_ENABLE != "ENABLED") EHXPLLL_model_has_only_CLKOP error ();
        if (OUTDIVIDER_MUXA != "DIVA") EHXPLLL_model_has_only_DIVA error ();
        if (PLLRST_ENA != "DISABLED" || STDBY_ENABLE != "DISABLED") EHXPLLL_model_has_no_RST_or_STDBY error ();
        if (INTFB_WAKE != "DISABLED" || DPHASE_SOURCE != "DISABLED") EHXPLLL_model_has_no_moving_phase error ();
        if (CLKOP_CPHASE != CLKOP_DIV - 1 || CLKOP_FPHASE != 0) EHXPLLL_model_has_only_phase_0 error ();
        if (OUTDIVIDER_MUXB != "DIVB" || OUTDIVIDER_MUXC != "DIVC") EHXPLLL_model_has_only_DIVB_and_DIVC error ();
        if (CLKOS_ENABLE == "ENABLED" && LATE < 0) EHXPLLL_model_has_no_CLKOS_before_CLKOP error ();
        if (CLKOS2_ENABLE == "ENABLED" && LATE2 < 0) EHXPLLL_model_has_no_CLKOS2_before_CLKOP error ();
    endgenerate

    // ---- what CLKI is like
    real last = 0, period = 0, previous = 0;
    integer edges = 0;     // since CLKI became steady
    integer divided = 0;   // of CLKI_DIV
    reg reference = 0;     // toggles with each edge that CLKOP follows
    wire in_range = 400.0 * period * CLKI_DIV <= 1e6 * CLKFB_DIV * CLKOP_DIV
        && 800.0 * period * CLKI_DIV >= 1e6 * CLKFB_DIV * CLKOP_DIV;

    always @(posedge CLKI) begin
        previous = period;
        period = $realtime - last;
        last = $realtime;
        if (period < 0.99 * previous || period > 1.01 * previous) edges = 0;
        else if (edges < LOCK_EDGES) edges = edges + 1;
        LOCK <= edges == LOCK_EDGES && in_range;
        divided = divided + 1 >= CLKI_DIV ? 0 : divided + 1;
        if (divided == 0 && edges > 1) reference = ~reference;
    end

    // ---- CLKOP, from one common edge to the next
    real start = 0, half = 0;
    integer n = 0;
    always @(reference) begin
        start = $realtime;
        half = period * CLKI_DIV / CLKFB_DIV / 2;
        CLKOP = 1;
        for (n = 1; n < 2 * CLKFB_DIV; n = n + 1) begin
            #(start + n * half - $realtime);
            CLKOP = ~CLKOP;
        end
    end

    // ---- CLKOS and CLKOS2, from one common edge to the next: `to` eighths of the oscillator's period to their own next one
    genvar i;
    generate
        for (i = 0; i < 2; i = i + 1) begin : other
            localparam DIV = i == 0 ? CLKOS_DIV : CLKOS2_DIV;
            localparam USED = i == 0 ? CLKOS_ENABLE == "ENABLED" : CLKOS2_ENABLE == "ENABLED";
            reg clock = 0;
            integer to = i == 0 ? LATE : LATE2;
            // A process that waits sees no other edge: each has ended an eighth before the next common one.
            if (USED) always @(reference) begin : edges
                real common, eighth;
                common = $realtime;
                eighth = period * CLKI_DIV / COMMON;
                while (to < COMMON) begin
                    if (to > 0) #(common + to * eighth - $realtime);
                    clock = ~clock;
                    to = to + 4 * DIV;
                end
                to = to - COMMON;
            end
        end
    endgenerate
    assign CLKOS = other[0].clock, CLKOS2 = other[1].clock;
endmodule

// ---- Gowin (after Yosys' techlibs/gowin/cells_sim.v)
module IBUF (input I, output O);
    assign O = I;
endmodule

module TBUF (input I, OEN, output O);
    assign O = I | OEN;
endmodule
