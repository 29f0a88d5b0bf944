// Drives one Verilated core with two 32-bit streams through whole buffers. Compiled together with the core into the
// library that verilated.py loads; the build defines SKIPWALK_TRACE for the variant that writes a waveform, and
// SKIPWALK_MEMORY_CYCLES for a core whose memory has a clock of its own: so many cycles in SKIPWALK_CYCLES of clk.
//
// A cycle: inputs change while clk is low, the combinational answer is read, then clk rises. A word moves on a rising
// edge with valid and ready high, as everywhere in the gateware.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "Vcore.h"
#include "verilated.h"
#if VM_COVERAGE
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "verilated_cov.h"
#endif
#if SKIPWALK_TRACE
#include "verilated_vcd_c.h"
#endif

// Verilator spells a double underscore in a name as ___05F.
#define i_payload i___05Fpayload
#define i_valid i___05Fvalid
#define i_ready i___05Fready
#define o_payload o___05Fpayload
#define o_valid o___05Fvalid
#define o_ready o___05Fready

#define SKIPWALK_API extern "C" __attribute__((visibility("default")))

namespace {

// splitmix64: any seed, 0 included, gives a sound sequence.
struct Random {
    uint64_t state;
    bool below(uint64_t threshold) {
        uint64_t z = (state += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return ((z ^ (z >> 31)) >> 32) < threshold;
    }
};

struct Core {
    VerilatedContext context;
    Vcore top{&context, "core"};
    Random random{0};
    uint64_t gap_in = 0;   // of 2^32: chance that a word waits a cycle before it is offered
    uint64_t gap_out = 0;  // of 2^32: chance that ready is low in a cycle
    bool offered = false;  // the word at hand has been offered and may not be withdrawn
    uint64_t cycles = 0, words_in = 0, words_out = 0, last_transfer = 0;
    std::vector<uint32_t> out;
#ifdef SKIPWALK_MEMORY_CYCLES
    uint64_t memory_cycles = 0;
#endif
#if SKIPWALK_TRACE
    VerilatedVcdC* trace = nullptr;
#endif

    void dump(uint64_t time) {
#if SKIPWALK_TRACE
        if (trace) trace->dump(time);
#else
        (void)time;
#endif
    }

    // Inputs are set and settled: the rising edge, and back to low.
    void clock() {
        dump(2 * cycles);
        top.clk = 1;
        top.eval();
        dump(2 * cycles + 1);
        top.clk = 0;
        ++cycles;
#ifdef SKIPWALK_MEMORY_CYCLES
        // Edges of clk come at even times, those of clk_memory at odd ones.
        for (; 2 * SKIPWALK_CYCLES * memory_cycles + 1 < 2 * SKIPWALK_MEMORY_CYCLES * cycles; ++memory_cycles) {
            top.eval();
            top.clk_memory = 1;
            top.eval();
            top.clk_memory = 0;
        }
#endif
    }
};

#if VM_COVERAGE
// What has been reached, into a file of its own in the folder `reached` beside the library.
void leave_coverage(Core& core) {
    static int number = 0;
    Dl_info library;
    if (!dladdr(reinterpret_cast<void*>(&leave_coverage), &library)) return;
    const std::string path = library.dli_fname;
    const std::string folder = path.substr(0, path.rfind('/') + 1) + "reached";
    mkdir(folder.c_str(), 0777);
    core.context.coveragep()->write(folder + "/" + std::to_string(getpid()) + "-" + std::to_string(number++) + ".dat");
}
#endif

}  // namespace

// Null if a waveform is asked of the variant without. Gaps are probabilities from 0 to below 1.
SKIPWALK_API Core* skipwalk_open(uint64_t seed, double gap_in, double gap_out, const char* trace) {
#if !SKIPWALK_TRACE
    if (trace) return nullptr;
#endif
    Core* core = new Core;
    core->random.state = seed;
    core->gap_in = static_cast<uint64_t>(gap_in * 4294967296.0);
    core->gap_out = static_cast<uint64_t>(gap_out * 4294967296.0);
    core->top.clk = 0;
    core->top.rst = 0;
    core->top.i_valid = 0;
    core->top.i_payload = 0;
    core->top.o_ready = 0;
#if SKIPWALK_TRACE
    if (trace) {
        core->context.traceEverOn(true);
        core->trace = new VerilatedVcdC;
        core->top.trace(core->trace, 99);
        core->trace->open(trace);
    }
#endif
    core->top.eval();
    return core;
}

SKIPWALK_API void skipwalk_close(Core* core) {
    core->top.final();
#if VM_COVERAGE
    leave_coverage(*core);
#endif
#if SKIPWALK_TRACE
    if (core->trace) core->trace->close();
    delete core->trace;
#endif
    delete core;
}

SKIPWALK_API void skipwalk_reset(Core* core) {
    core->offered = false;
    core->out.clear();
    core->top.i_valid = 0;
    core->top.o_ready = 0;
    core->top.rst = 1;
    for (int n = 0; n < 2; ++n) {
        core->top.eval();
        core->clock();
    }
    core->top.rst = 0;
    core->top.eval();
    core->last_transfer = core->cycles;
}

// At most max_cycles cycles; ends earlier once all n words are consumed and `want` words wait in the output buffer.
// Returns how many words were consumed.
SKIPWALK_API size_t skipwalk_run(Core* core, const uint32_t* words, size_t n, size_t want, uint64_t max_cycles) {
    Vcore& top = core->top;
    size_t next = 0;
    const uint64_t end = core->cycles + max_cycles;
    while (core->cycles < end && (next < n || core->out.size() < want)) {
        if (next < n && (core->offered || !core->random.below(core->gap_in))) {
            top.i_valid = 1;
            top.i_payload = words[next];
            core->offered = true;
        } else {
            top.i_valid = 0;
        }
        top.o_ready = !core->random.below(core->gap_out);
        top.eval();
        if (top.i_valid && top.i_ready) {
            ++next;
            core->offered = false;
            core->last_transfer = core->cycles;
        }
        if (top.o_valid && top.o_ready) {
            core->out.push_back(top.o_payload);
            ++core->words_out;
            core->last_transfer = core->cycles;
        }
        core->clock();
    }
    core->words_in += next;
    return next;
}

SKIPWALK_API size_t skipwalk_pending(const Core* core) { return core->out.size(); }

SKIPWALK_API void skipwalk_take(Core* core, uint32_t* words) {
    std::memcpy(words, core->out.data(), core->out.size() * sizeof(uint32_t));
    core->out.clear();
}

SKIPWALK_API uint64_t skipwalk_cycles(const Core* core) { return core->cycles; }
SKIPWALK_API uint64_t skipwalk_words_in(const Core* core) { return core->words_in; }
SKIPWALK_API uint64_t skipwalk_words_out(const Core* core) { return core->words_out; }
SKIPWALK_API uint64_t skipwalk_last_transfer(const Core* core) { return core->last_transfer; }
