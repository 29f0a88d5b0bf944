// Drives a board by its pins: an oscillator on the clock pin, and a serial port of its own (8N1, with a bit clock of its
// own) on the other two. Compiled together with the board's Verilog into the library that pins.py loads.
//
// Time is in picoseconds. What happens next is an edge of the clock pin, an edge of the line to the device, or whatever
// the model itself waits for (the PLL); the line from the device is looked at after each of them.

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

    Board(double clock_period, double bit) : half_clock(clock_period / 2), bit(bit), clock_edge(half_clock) {
        top.clock = 0;
        top.rx = 1;
        top.eval();
    }

    double now() const { return static_cast<double>(context.time()); }

    void settle(double time) {
        context.time(static_cast<uint64_t>(std::llround(time)));
        top.eval();
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
        const double time = std::min({b.clock_edge, b.tx_edge, model, end});
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
        b.settle(time);
        if (time == end) break;
    }
    return next;
}

SKIPWALK_API double skipwalk_board_time(const Board* board) { return board->now(); }

SKIPWALK_API uint64_t skipwalk_board_broken(const Board* board) { return board->broken; }

SKIPWALK_API size_t skipwalk_board_pending(const Board* board) { return board->received.size(); }

SKIPWALK_API void skipwalk_board_take(Board* board, uint8_t* bytes) {
    std::memcpy(bytes, board->received.data(), board->received.size());
    board->received.clear();
}
