// Drives a board by its pins: an oscillator on the clock pin, and a serial port of its own (8N1, with a bit clock of its
// own) on the other two. Compiled together with the board's Verilog into the library that pins.py loads.
//
// Time is in picoseconds. What happens next is an edge of the clock pin, an edge of the line to the device, a change at
// the SDRAM's data pins, or whatever the model itself waits for (the PLL); the line from the device, and the SDRAM's
// clock, are looked at after each of them.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "Vboard.h"
#include "verilated.h"

#define SKIPWALK_API extern "C" __attribute__((visibility("default")))

namespace {

constexpr double NEVER = std::numeric_limits<double>::infinity();

#ifdef SKIPWALK_SDRAM
// An SDRAM at the pins. What it does is for Python to say, at each edge of its clock but those at which nothing happens;
// when, is said here.
class Sdram {
  public:
    // Edges without anything before this one; all pins but clock and data, as sdram.py orders them; data, or -1 if not
    // driven.
    // Returns data for the next edge, bit 16 if it drives them, bit 17 if the next edge matters in any case.
    using Chip = uint32_t (*)(uint32_t idle, uint32_t pins, int32_t dq);
    Chip chip = nullptr;
    double setup = 0, hold = 0, access = 0, keep = 0;  // ps
    uint64_t unsettled = 0;  // changes too close to an edge
    double ends = NEVER, comes = NEVER;  // the data of the last edge, those of the next one

    // After the model has moved on to this time.
    void look(Vboard& top, double time) {
        const uint64_t seen = top.sdram_out | uint64_t(top.sdram_dq__en) << 22 |
                              uint64_t(top.sdram_dq__out & top.sdram_dq__en) << 38;
        if (seen != before) {
            changed = time;
            if (time - edge < hold) ++unsettled;
        }
        before = seen;
        if (top.sdram_clk && !clock) rises(top, time);
        clock = top.sdram_clk;
    }

    // Data that end or come at this time; noise in between.
    void move(Vboard& top, double time) {
        if (time == ends) {
            noise = noise * 1664525 + 1013904223;
            top.sdram_dq = noise >> 16;
            ends = NEVER;
        }
        if (time == comes) {
            top.sdram_dq = next & 0xFFFF;
            comes = NEVER;
        }
    }

  private:
    static constexpr uint32_t LOW = 0b11110;  // cs, ras, cas and we are meant where they are low
    uint64_t before = 0;
    double changed = -1e9, edge = -1e9;
    bool clock = false;
    uint32_t idle = 0, next = 0, noise = 1;

    void rises(Vboard& top, double time) {
        if (time - changed < setup) ++unsettled;
        edge = time;
        const bool driven = top.sdram_dq__en != 0;
        const uint32_t pins = top.sdram_out ^ LOW;
        const bool command = (pins & 3) == 3 && (pins >> 2 & 7);  // enabled, chosen, and one of the three
        if (!(next >> 17 & 1) && !command && !driven) {
            ++idle;
            return;
        }
        next = chip(idle, pins, driven ? int32_t(top.sdram_dq__out) : -1);
        idle = 0;
        ends = time + keep;
        comes = next >> 16 & 1 ? time + access : NEVER;
    }
};
#endif

struct Board {
    VerilatedContext context;
    Vboard top{&context, "board"};
    double half_clock, bit;       // ps
    double clock_edge, tx_edge = NEVER, rx_sample = NEVER;  // when the next one is due
    bool stopped = false;         // the oscillator
    unsigned tx_bits = 0, tx_left = 0;
    unsigned rx_bits = 0, rx_left = 0;
    uint64_t broken = 0;          // bytes from the device without a stop bit
    std::vector<uint8_t> received;
#ifdef SKIPWALK_SDRAM
    Sdram sdram;
#endif

    Board(double clock_period, double bit) : half_clock(clock_period / 2), bit(bit), clock_edge(half_clock) {
        top.clock = 0;
        top.rx = 1;
        top.eval();
    }

    double now() const { return static_cast<double>(context.time()); }

    void settle(double time) {
        context.time(static_cast<uint64_t>(std::llround(time)));
        top.eval();
#ifdef SKIPWALK_SDRAM
        sdram.look(top, time);
#endif
        if (rx_left == 0 && !top.tx) {
            rx_left = 10;
            rx_sample = time + bit / 2;
        }
    }

    // The line from the device, in the middle of a bit: start, eight, stop.
    void sample() {
        rx_bits = rx_bits >> 1 | (top.tx ? 1u << 9 : 0);
        --rx_left;
        rx_sample = rx_left ? rx_sample + bit : NEVER;
        if (rx_left == 9 && top.tx) {  // a spike
            rx_left = 0;
            rx_sample = NEVER;
        } else if (rx_left == 0) {
            if (top.tx) received.push_back(static_cast<uint8_t>(rx_bits >> 1));
            else ++broken;
        }
    }
};

}  // namespace

SKIPWALK_API Board* skipwalk_board_open(double clock_period, double bit) { return new Board(clock_period, bit); }

SKIPWALK_API void skipwalk_board_close(Board* board) {
    board->top.final();
    delete board;
}

// Lets the oscillator run, or stops it: a PLL behind it loses its lock.
SKIPWALK_API void skipwalk_board_oscillator(Board* board, int runs) {
    board->clock_edge = runs ? board->now() + board->half_clock : NEVER;
}

// Sends n bytes, one after another, for at most `duration`; returns how many are on their way or have arrived. Ends
// earlier, if n is not 0, when all of them are.
SKIPWALK_API size_t skipwalk_board_run(Board* board, const uint8_t* bytes, size_t n, double duration) {
    Board& b = *board;
    const double end = b.now() + duration;
    size_t next = 0;
    while (n == 0 || next < n) {
        if (b.tx_left == 0 && b.tx_edge == NEVER && next < n) {
            b.tx_bits = bytes[next++] << 1 | 1u << 9;
            b.tx_left = 10;
            b.tx_edge = b.now();
        }
        const double model = b.top.eventsPending() ? static_cast<double>(b.top.nextTimeSlot()) : NEVER;
        double time = std::min({b.clock_edge, b.tx_edge, model, end});
#ifdef SKIPWALK_SDRAM
        time = std::min({time, b.sdram.ends, b.sdram.comes});
#endif
        if (b.rx_sample < time) {
            b.sample();
            continue;
        }
        if (time == b.clock_edge) {
            b.top.clock = !b.top.clock;
            b.clock_edge += b.half_clock;
        }
        if (time == b.tx_edge) {
            if (b.tx_left) {
                b.top.rx = b.tx_bits & 1;
                b.tx_bits >>= 1;
                --b.tx_left;
                b.tx_edge += b.bit;
            } else {
                b.tx_edge = NEVER;  // the stop bit is over
            }
        }
#ifdef SKIPWALK_SDRAM
        b.sdram.move(b.top, time);
#endif
        b.settle(time);
        if (time == end) break;
    }
    return next;
}

#ifdef SKIPWALK_SDRAM
// Who is called, and how long before and after an edge pins have to be steady, until when data of an edge come after the
// one before it, and for how long they stay.
SKIPWALK_API void skipwalk_board_sdram(Board* board, Sdram::Chip chip, double setup, double hold, double access,
                                       double keep) {
    Sdram& s = board->sdram;
    s.chip = chip, s.setup = setup, s.hold = hold, s.access = access, s.keep = keep;
}

SKIPWALK_API uint64_t skipwalk_board_unsettled(const Board* board) { return board->sdram.unsettled; }
#endif

SKIPWALK_API double skipwalk_board_time(const Board* board) { return board->now(); }

SKIPWALK_API uint64_t skipwalk_board_broken(const Board* board) { return board->broken; }

SKIPWALK_API size_t skipwalk_board_pending(const Board* board) { return board->received.size(); }

SKIPWALK_API void skipwalk_board_take(Board* board, uint8_t* bytes) {
    std::memcpy(bytes, board->received.data(), board->received.size());
    board->received.clear();
}
