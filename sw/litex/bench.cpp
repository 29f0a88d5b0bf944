// Clocks the SoC until its software says that it is done, and prints what its UART gives.
//
// bench CYCLES: at most so many. The exit code is 1 if they have passed.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "Vsoc.h"
#include "verilated.h"

int main(int argc, char** argv) {
    VerilatedContext context;
    Vsoc soc{&context, "soc"};
    const uint64_t most = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : UINT64_MAX;
    uint64_t cycles = 0;
    soc.serial_source_ready = 1;
    for (; cycles < most && !context.gotFinish(); cycles++) {
        soc.sys_clk = 0;
        soc.eval();
        if (soc.serial_source_valid) std::putchar(soc.serial_source_data);
        soc.sys_clk = 1;
        soc.eval();
    }
    soc.final();
    std::fflush(stdout);
    return context.gotFinish() ? 0 : 1;
}
