"""Which blocks can be run alone, and what they compute; without Amaranth."""

__all__ = ["BLOCKS"]

BLOCKS = {
    "dot": "a.b, eight lanes, four beats",
    "rank-one": "step = requantize(scalar vector)",
    "reciprocal": "1 / x",
    "gain": "g = 1 / (1 + h.u)",
    "softmax": "g = rate (softmax(y) - onehot(label))",
    "threefry": "64 random bits, by Threefry-2x32",
    "permutation": "all numbers below n, in an order chosen by a key",
    "packer": "elements of 18 bits into words",
    "unpacker": "words into elements of 18 bits",
    "cobs-encoder": "frames into bytes without zero",
    "cobs-decoder": "bytes of the line into frames",
}
