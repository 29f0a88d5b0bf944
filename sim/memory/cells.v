// Cells of a memory in a simulation, with contents from a file from the start: written by bytes, read at once.
module skipwalk_cells #(
    parameter FILE = "",
    parameter ADDRESS_BITS = 1,
    parameter DATA_BITS = 16
) (
    input clk,
    input [DATA_BITS/8-1:0] en,
    input [ADDRESS_BITS-1:0] wr_addr,
    input [DATA_BITS-1:0] wr_data,
    input [ADDRESS_BITS-1:0] rd_addr,
    output [DATA_BITS-1:0] rd_data
);
  reg [DATA_BITS-1:0] cells[0:(1<<ADDRESS_BITS)-1];
  initial $readmemh(FILE, cells);
  integer i;
  always @(posedge clk)
    for (i = 0; i < DATA_BITS / 8; i = i + 1)
      if (en[i]) cells[wr_addr][8*i+:8] <= wr_data[8*i+:8];
  assign rd_data = cells[rd_addr];
endmodule
