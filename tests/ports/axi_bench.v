// Plain Verilog-2005 around an exported core, for simulators other than Verilator: sends the words of +commands=FILE
// (hexadecimal, one a line) over s_axis with gaps, takes +replies=N words from m_axis with gaps, and prints each; then
// reads the register DIGEST. `CORE is the module's name.

`timescale 1ns / 1ps

module axi_bench;
    reg aclk = 0, aresetn = 0;
    always #5 aclk = ~aclk;

    reg [31:0] s_axis_tdata = 0;
    reg s_axis_tvalid = 0, m_axis_tready = 0;
    wire s_axis_tready, m_axis_tvalid, m_axis_tlast;
    wire [31:0] m_axis_tdata;
    reg [5:0] s_axil_araddr = 0;
    reg s_axil_arvalid = 0;
    wire s_axil_arready, s_axil_rvalid, s_axil_awready, s_axil_wready, s_axil_bvalid;
    wire [31:0] s_axil_rdata;
    wire [1:0] s_axil_rresp, s_axil_bresp;

    `CORE core (
        .aclk(aclk), .aresetn(aresetn),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .s_axis_tlast(1'b0),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready),
        .m_axis_tlast(m_axis_tlast),
        .s_axil_awaddr(6'd0), .s_axil_awprot(3'd0), .s_axil_awvalid(1'b0), .s_axil_awready(s_axil_awready),
        .s_axil_wdata(32'd0), .s_axil_wstrb(4'd0), .s_axil_wvalid(1'b0), .s_axil_wready(s_axil_wready),
        .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(1'b1),
        .s_axil_araddr(s_axil_araddr), .s_axil_arprot(3'd0), .s_axil_arvalid(s_axil_arvalid),
        .s_axil_arready(s_axil_arready), .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
        .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(1'b1)
    );

    integer file, found, replies, received = 0, quiet = 0, seed = 1;
    reg [31:0] word;
    reg [8 * 256 - 1:0] name;

    initial begin
        if (!$value$plusargs("commands=%s", name) || !$value$plusargs("replies=%d", replies)) $finish;
        file = $fopen(name, "r");
        repeat (4) @(negedge aclk);
        aresetn = 1;
        found = $fscanf(file, "%h", word);
        while (found == 1) begin
            @(negedge aclk);
            s_axis_tvalid = $random(seed) & 1;
            s_axis_tdata = word;
            if (s_axis_tvalid) begin
                #4;
                while (!s_axis_tready) begin
                    @(negedge aclk);
                    #4;
                end
                found = $fscanf(file, "%h", word);
            end
        end
        @(negedge aclk) s_axis_tvalid = 0;
    end

    // Just before the rising edge, when all has settled.
    always @(negedge aclk) begin
        m_axis_tready = $random & 1;
        #4;
        quiet = quiet + 1;
        if (aresetn && m_axis_tvalid && m_axis_tready) begin
            $display("reply %h", m_axis_tdata);
            received = received + 1;
            quiet = 0;
        end
    end

    initial begin
        wait (aresetn);
        wait (received == replies || quiet > 100000);
        repeat (200) @(negedge aclk);
        s_axil_araddr = 12;
        s_axil_arvalid = 1;
        @(negedge aclk) s_axil_arvalid = 0;
        wait (s_axil_rvalid) $display("digest %h", s_axil_rdata);
        $finish;
    end
endmodule
