// Models of the Lattice ECP5 cells that skipwalk.hw.fabric.ecp5 instantiates: the modes it uses, and no others. A parameter
// outside of them instantiates a module that does not exist, whose name says what is wrong; a port that is not listed
// cannot be connected. Behaviour after Lattice's sysDSP and memory usage guides (FPGA-TN-02205, FPGA-TN-02204) and the
// mapping of initial contents in Yosys' techlibs/lattice/brams_map_16kd.v.

// Multiplier. Each register is there (CLK0) or not (NONE), so that netlists with inferred multipliers run as well.
module MULT18X18D (
    input A0, A1, A2, A3, A4, A5, A6, A7, A8,
    input A9, A10, A11, A12, A13, A14, A15, A16, A17,
    input B0, B1, B2, B3, B4, B5, B6, B7, B8,
    input B9, B10, B11, B12, B13, B14, B15, B16, B17,
    input C0, C1, C2, C3, C4, C5, C6, C7, C8,
    input C9, C10, C11, C12, C13, C14, C15, C16, C17,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0,
    output P0, P1, P2, P3, P4, P5, P6, P7, P8,
    output P9, P10, P11, P12, P13, P14, P15, P16, P17,
    output P18, P19, P20, P21, P22, P23, P24, P25, P26,
    output P27, P28, P29, P30, P31, P32, P33, P34, P35
);
    parameter REG_INPUTA_CLK = "NONE";
    parameter REG_INPUTA_CE = "CE0";
    parameter REG_INPUTA_RST = "RST0";
    parameter REG_INPUTB_CLK = "NONE";
    parameter REG_INPUTB_CE = "CE0";
    parameter REG_INPUTB_RST = "RST0";
    parameter REG_PIPELINE_CLK = "NONE";
    parameter REG_PIPELINE_CE = "CE0";
    parameter REG_PIPELINE_RST = "RST0";
    parameter REG_OUTPUT_CLK = "NONE";
    parameter REG_OUTPUT_CE = "CE0";
    parameter REG_OUTPUT_RST = "RST0";
    parameter GSR = "ENABLED";
    parameter MULT_BYPASS = "DISABLED";
    parameter RESETMODE = "SYNC";

    generate
        if (REG_INPUTA_CLK != "NONE" && REG_INPUTA_CLK != "CLK0")
            MULT18X18D_model_has_no_such_REG_INPUTA_CLK error ();
        if (REG_INPUTB_CLK != "NONE" && REG_INPUTB_CLK != "CLK0")
            MULT18X18D_model_has_no_such_REG_INPUTB_CLK error ();
        if (REG_PIPELINE_CLK != "NONE" && REG_PIPELINE_CLK != "CLK0")
            MULT18X18D_model_has_no_such_REG_PIPELINE_CLK error ();
        if (REG_OUTPUT_CLK != "NONE" && REG_OUTPUT_CLK != "CLK0")
            MULT18X18D_model_has_no_such_REG_OUTPUT_CLK error ();
        if (REG_INPUTA_CE != "CE0" || REG_INPUTB_CE != "CE0" || REG_PIPELINE_CE != "CE0" || REG_OUTPUT_CE != "CE0")
            MULT18X18D_model_has_only_CE0 error ();
        if (REG_INPUTA_RST != "RST0" || REG_INPUTB_RST != "RST0" || REG_PIPELINE_RST != "RST0"
            || REG_OUTPUT_RST != "RST0")
            MULT18X18D_model_has_only_RST0 error ();
        if (MULT_BYPASS != "DISABLED") MULT18X18D_model_has_no_MULT_BYPASS error ();
        if (RESETMODE != "SYNC") MULT18X18D_model_has_only_RESETMODE_SYNC error ();
    endgenerate

    wire [17:0] a = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
    wire [17:0] b = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};

    // A 19th bit makes signed and unsigned operands the same.
    reg signed [18:0] a_register = 0, b_register = 0;
    reg signed [37:0] pipeline_register = 0;
    reg [35:0] output_register = 0;
    wire signed [18:0] a_now = {SIGNEDA & a[17], a};
    wire signed [18:0] b_now = {SIGNEDB & b[17], b};
    wire signed [18:0] a_operand = REG_INPUTA_CLK == "NONE" ? a_now : a_register;
    wire signed [18:0] b_operand = REG_INPUTB_CLK == "NONE" ? b_now : b_register;
    wire signed [37:0] product = a_operand * b_operand;
    wire [35:0] half_way = REG_PIPELINE_CLK == "NONE" ? product[35:0] : pipeline_register[35:0];
    wire [35:0] p = REG_OUTPUT_CLK == "NONE" ? half_way : output_register;

    always @(posedge CLK0) begin
        if (RST0) begin
            a_register <= 0;
            b_register <= 0;
            pipeline_register <= 0;
            output_register <= 0;
        end else if (CE0) begin
            a_register <= a_now;
            b_register <= b_now;
            pipeline_register <= product;
            output_register <= half_way;
        end
    end

    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
        P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = p;
endmodule

// Block RAM: port A writes, port B reads, both in the same width and both with the output register, or both without it as
// in memories that Yosys infers, whose reset is not connected; in 36 bits, A carries the lower half of the word and B the
// upper one, for reading and for writing. A word that is read in the cycle in which it
// is written comes out complemented: undefined in the cell, and the same as in the twin of skipwalk.hw.fabric.ram.
module DP16KD (
    input CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2,
    input ADA0, ADA1, ADA2, ADA3, ADA4, ADA5, ADA6,
    input ADA7, ADA8, ADA9, ADA10, ADA11, ADA12, ADA13,
    input DIA0, DIA1, DIA2, DIA3, DIA4, DIA5, DIA6, DIA7, DIA8,
    input DIA9, DIA10, DIA11, DIA12, DIA13, DIA14, DIA15, DIA16, DIA17,
    output DOA0, DOA1, DOA2, DOA3, DOA4, DOA5, DOA6, DOA7, DOA8,
    output DOA9, DOA10, DOA11, DOA12, DOA13, DOA14, DOA15, DOA16, DOA17,
    input CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2,
    input ADB0, ADB1, ADB2, ADB3, ADB4, ADB5, ADB6,
    input ADB7, ADB8, ADB9, ADB10, ADB11, ADB12, ADB13,
    input DIB0, DIB1, DIB2, DIB3, DIB4, DIB5, DIB6, DIB7, DIB8,
    input DIB9, DIB10, DIB11, DIB12, DIB13, DIB14, DIB15, DIB16, DIB17,
    output DOB0, DOB1, DOB2, DOB3, DOB4, DOB5, DOB6, DOB7, DOB8,
    output DOB9, DOB10, DOB11, DOB12, DOB13, DOB14, DOB15, DOB16, DOB17
);
    parameter DATA_WIDTH_A = 18;
    parameter DATA_WIDTH_B = 18;
    parameter REGMODE_A = "NOREG";
    parameter REGMODE_B = "NOREG";
    parameter WRITEMODE_A = "NORMAL";
    parameter WRITEMODE_B = "NORMAL";
    parameter RESETMODE = "SYNC";
    parameter ASYNC_RESET_RELEASE = "SYNC";
    parameter CSDECODE_A = "0b000";
    parameter CSDECODE_B = "0b000";
    parameter CLKAMUX = "CLKA";
    parameter CLKBMUX = "CLKB";
    parameter GSR = "ENABLED";
    parameter [319:0] INITVAL_00 = 320'd0;
    parameter [319:0] INITVAL_01 = 320'd0;
    parameter [319:0] INITVAL_02 = 320'd0;
    parameter [319:0] INITVAL_03 = 320'd0;
    parameter [319:0] INITVAL_04 = 320'd0;
    parameter [319:0] INITVAL_05 = 320'd0;
    parameter [319:0] INITVAL_06 = 320'd0;
    parameter [319:0] INITVAL_07 = 320'd0;
    parameter [319:0] INITVAL_08 = 320'd0;
    parameter [319:0] INITVAL_09 = 320'd0;
    parameter [319:0] INITVAL_0A = 320'd0;
    parameter [319:0] INITVAL_0B = 320'd0;
    parameter [319:0] INITVAL_0C = 320'd0;
    parameter [319:0] INITVAL_0D = 320'd0;
    parameter [319:0] INITVAL_0E = 320'd0;
    parameter [319:0] INITVAL_0F = 320'd0;
    parameter [319:0] INITVAL_10 = 320'd0;
    parameter [319:0] INITVAL_11 = 320'd0;
    parameter [319:0] INITVAL_12 = 320'd0;
    parameter [319:0] INITVAL_13 = 320'd0;
    parameter [319:0] INITVAL_14 = 320'd0;
    parameter [319:0] INITVAL_15 = 320'd0;
    parameter [319:0] INITVAL_16 = 320'd0;
    parameter [319:0] INITVAL_17 = 320'd0;
    parameter [319:0] INITVAL_18 = 320'd0;
    parameter [319:0] INITVAL_19 = 320'd0;
    parameter [319:0] INITVAL_1A = 320'd0;
    parameter [319:0] INITVAL_1B = 320'd0;
    parameter [319:0] INITVAL_1C = 320'd0;
    parameter [319:0] INITVAL_1D = 320'd0;
    parameter [319:0] INITVAL_1E = 320'd0;
    parameter [319:0] INITVAL_1F = 320'd0;
    parameter [319:0] INITVAL_20 = 320'd0;
    parameter [319:0] INITVAL_21 = 320'd0;
    parameter [319:0] INITVAL_22 = 320'd0;
    parameter [319:0] INITVAL_23 = 320'd0;
    parameter [319:0] INITVAL_24 = 320'd0;
    parameter [319:0] INITVAL_25 = 320'd0;
    parameter [319:0] INITVAL_26 = 320'd0;
    parameter [319:0] INITVAL_27 = 320'd0;
    parameter [319:0] INITVAL_28 = 320'd0;
    parameter [319:0] INITVAL_29 = 320'd0;
    parameter [319:0] INITVAL_2A = 320'd0;
    parameter [319:0] INITVAL_2B = 320'd0;
    parameter [319:0] INITVAL_2C = 320'd0;
    parameter [319:0] INITVAL_2D = 320'd0;
    parameter [319:0] INITVAL_2E = 320'd0;
    parameter [319:0] INITVAL_2F = 320'd0;
    parameter [319:0] INITVAL_30 = 320'd0;
    parameter [319:0] INITVAL_31 = 320'd0;
    parameter [319:0] INITVAL_32 = 320'd0;
    parameter [319:0] INITVAL_33 = 320'd0;
    parameter [319:0] INITVAL_34 = 320'd0;
    parameter [319:0] INITVAL_35 = 320'd0;
    parameter [319:0] INITVAL_36 = 320'd0;
    parameter [319:0] INITVAL_37 = 320'd0;
    parameter [319:0] INITVAL_38 = 320'd0;
    parameter [319:0] INITVAL_39 = 320'd0;
    parameter [319:0] INITVAL_3A = 320'd0;
    parameter [319:0] INITVAL_3B = 320'd0;
    parameter [319:0] INITVAL_3C = 320'd0;
    parameter [319:0] INITVAL_3D = 320'd0;
    parameter [319:0] INITVAL_3E = 320'd0;
    parameter [319:0] INITVAL_3F = 320'd0;

    generate
        if (DATA_WIDTH_A != DATA_WIDTH_B) DP16KD_model_has_one_width_for_both_ports error ();
        if (DATA_WIDTH_A != 1 && DATA_WIDTH_A != 2 && DATA_WIDTH_A != 4 && DATA_WIDTH_A != 9 && DATA_WIDTH_A != 18
            && DATA_WIDTH_A != 36)
            DP16KD_has_no_such_DATA_WIDTH error ();
        if (REGMODE_A != REGMODE_B) DP16KD_model_has_one_REGMODE_for_both_ports error ();
        if (REGMODE_A != "OUTREG" && REGMODE_A != "NOREG") DP16KD_has_no_such_REGMODE error ();
        if (WRITEMODE_A != "NORMAL" || WRITEMODE_B != "NORMAL") DP16KD_model_has_only_WRITEMODE_NORMAL error ();
        if (RESETMODE != "SYNC" && REGMODE_A == "OUTREG") DP16KD_model_has_only_RESETMODE_SYNC error ();
        if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000") DP16KD_model_has_only_CSDECODE_0b000 error ();
        if (CLKAMUX != "CLKA" || CLKBMUX != "CLKB") DP16KD_model_has_no_inverted_clock error ();
    endgenerate

    wire [13:0] wr_addr = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [13:0] rd_addr = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    wire [17:0] wr_low = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
        DIA3, DIA2, DIA1, DIA0};
    wire [17:0] wr_high = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
        DIB4, DIB3, DIB2, DIB1, DIB0};
    wire wr_selected = CEA & WEA & ~CSA0 & ~CSA1 & ~CSA2;
    wire rd_selected = CEB & ~WEB & ~CSB0 & ~CSB1 & ~CSB2;

    localparam SHIFT = DATA_WIDTH_A == 36 ? 5 : DATA_WIDTH_A == 18 ? 4 : DATA_WIDTH_A == 9 ? 3
        : DATA_WIDTH_A == 4 ? 2 : DATA_WIDTH_A == 2 ? 1 : 0;
    wire collision = wr_selected && wr_addr >> SHIFT == rd_addr >> SHIFT;

    reg [17:0] memory [0:1023];
    reg [35:0] array = 0;
    reg [17:0] a_register = 0, b_register = 0;

    // First bit of a narrow word: the parity bit of a byte of 9 bits is not used in 1, 2 and 4 bits.
    wire [4:0] wr_first = (wr_addr[3] ? 5'd9 : 5'd0) + (DATA_WIDTH_A < 9 ? {2'd0, wr_addr[2:0]} : 5'd0);
    wire [4:0] rd_first = (rd_addr[3] ? 5'd9 : 5'd0) + (DATA_WIDTH_A < 9 ? {2'd0, rd_addr[2:0]} : 5'd0);

    localparam [20479:0] INITIAL = {
        INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
        INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
        INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
        INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
        INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
        INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
        INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
        INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
    };
    integer i;
    initial for (i = 0; i < 1024; i = i + 1) memory[i] = INITIAL[20 * i +: 18];

    generate
        if (DATA_WIDTH_A == 36) begin
            always @(posedge CLKA) if (wr_selected) begin
                if (ADA0) memory[{wr_addr[13:5], 1'b0}][8:0] <= wr_low[8:0];
                if (ADA1) memory[{wr_addr[13:5], 1'b0}][17:9] <= wr_low[17:9];
                if (ADA2) memory[{wr_addr[13:5], 1'b1}][8:0] <= wr_high[8:0];
                if (ADA3) memory[{wr_addr[13:5], 1'b1}][17:9] <= wr_high[17:9];
            end
            always @(posedge CLKB) if (rd_selected)
                array <= {memory[{rd_addr[13:5], 1'b1}], memory[{rd_addr[13:5], 1'b0}]} ^ {36{collision}};
        end else if (DATA_WIDTH_A == 18) begin
            always @(posedge CLKA) if (wr_selected) begin
                if (ADA0) memory[wr_addr[13:4]][8:0] <= wr_low[8:0];
                if (ADA1) memory[wr_addr[13:4]][17:9] <= wr_low[17:9];
            end
            always @(posedge CLKB) if (rd_selected)
                array <= {memory[rd_addr[13:4]] ^ {18{collision}}, 18'd0};
        end else begin
            wire [17:0] pair = memory[rd_addr[13:4]];
            wire [DATA_WIDTH_A-1:0] word = pair[rd_first +: DATA_WIDTH_A] ^ {DATA_WIDTH_A{collision}};
            always @(posedge CLKA) if (wr_selected)
                memory[wr_addr[13:4]][wr_first +: DATA_WIDTH_A] <= wr_low[DATA_WIDTH_A-1:0];
            always @(posedge CLKB) if (rd_selected)
                array <= {{(18 - DATA_WIDTH_A){1'b0}}, word, 18'd0};
        end
    endgenerate

    always @(posedge CLKA) begin
        if (RSTA) a_register <= 0;
        else if (OCEA) a_register <= array[17:0];
    end
    always @(posedge CLKB) begin
        if (RSTB) b_register <= 0;
        else if (OCEB) b_register <= array[35:18];
    end

    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
        DOA1, DOA0} = REGMODE_A == "OUTREG" ? a_register : array[17:0];
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
        DOB1, DOB0} = REGMODE_B == "OUTREG" ? b_register : array[35:18];
endmodule
