"""Samples from files: what is no sample is refused with its place."""

import gzip

import numpy as np
import pytest
from skipwalk.sw.errors import InputError
from skipwalk.sw.lora.samples import read_samples

X, Y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 1, 0])


def test_samples_from_files(tmp_path):
    csv = tmp_path / "s.csv"
    csv.write_text("# x0,x1,label\n1,2,a\n\n3,4.5,b\n")
    x, y = read_samples(csv)
    assert (x.tolist(), y.tolist()) == ([[1, 2], [3, 4.5]], ["a", "b"])
    csv.write_text('1,2,"a"\n3,4.5,"b, c"\n')
    assert read_samples(csv)[1].tolist() == ["a", "b, c"]
    for text in ("1;2;7\n3;4.5;8\n", "1\t2\t7\n3\t4.5\t8\n"):
        csv.write_text(text)
        x, y = read_samples(csv)
        assert (x.tolist(), y.tolist()) == ([[1, 2], [3, 4.5]], [7, 8])
    csv.write_bytes(gzip.compress(b"1,2,007\n3,4,7\n"))
    assert read_samples(csv)[1].tolist() == ["007", "7"]
    for text, words in (
        ("1_0,2,0\n", r"s\.csv:1: a value is not a number"),
        ("1,2,0\n1,0\n", r"s\.csv:2: 1 values and a label, the lines before have 2"),
        ("1,x,0\n", r"s\.csv:1: a value is not a number"),
        ("", "x must be"),
    ):
        csv.write_text(text)
        with pytest.raises(InputError, match=words):
            read_samples(csv)
    np.savez(tmp_path / "s.npz", x=np.zeros((2, 3)))
    with pytest.raises(InputError, match="no array y; there is: x"):
        read_samples(tmp_path / "s.npz")


@pytest.mark.parametrize(
    ("x", "y", "labels"),
    [
        (X, Y, [0, 1, 1, 0]),
        (X.astype(np.float16), Y.astype(np.uint64), [0, 1, 1, 0]),
        (X.astype(np.int8), np.array(["a", "b", "b", "a"]), ["a", "b", "b", "a"]),
        (X > 2, np.array([b"a", b"\xc3\xa4", b"b", b"a"]), ["a", "ä", "b", "a"]),
    ],
)
def test_arrays_of_any_real_type(tmp_path, x, y, labels):
    np.savez(tmp_path / "s.npz", x=x, y=y)
    got_x, got_y = read_samples(tmp_path / "s.npz")
    np.testing.assert_array_equal(got_x, x.astype(np.float64))
    assert got_y.tolist() == labels


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (X + 1j, Y, "x: an array of complex128, not of real numbers"),
        (X.astype(str), Y, r"x: an array of <U\d+, not of real numbers"),
        (X.astype("datetime64[s]"), Y, r"x: an array of datetime64\[s\], not of real numbers"),
        (np.where(X == 5, np.nan, X), Y, r"x\[2, 1\] is not finite; remove or fill it"),
        (np.where(X == 6, np.inf, X), Y, r"x\[3, 0\] is not finite"),
        (X, Y + 1j, "y is an array of complex128, not of labels"),
        (X, Y.astype("datetime64[D]"), r"y is an array of datetime64\[D\], not of labels"),
        (X, np.eye(2)[Y], r"x must be \(n, features\) and y \(n,\), not \(4, 2\) and \(4, 2\)"),
        (X[:, 0], Y, r"x must be \(n, features\) and y \(n,\), not \(4,\) and \(4,\)"),
        (X, Y[:3], r"not \(4, 2\) and \(3,\)"),
        (X[:0], Y[:0], r"not \(0, 2\) and \(0,\)"),
    ],
)
def test_arrays_that_are_no_samples(tmp_path, x, y, words):
    np.savez(tmp_path / "s.npz", x=x, y=y)
    with pytest.raises(InputError, match=rf"s\.npz: .*{words}"):
        read_samples(tmp_path / "s.npz")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2,0\n1,nan,1\n", "s.csv:2: a value is not finite; remove or fill it"),
        ("1,2,0\n1,1e999,1\n", "s.csv:2: a value is not finite"),
        ("1,2,0\n1,2,\n", "s.csv:2: no label behind the last comma"),
        ("a,b,label\n1,2,0\n", "s.csv:1: a value is not a number"),
        ("1,,0\n", "s.csv:1: a value is not a number"),
    ],
)
def test_lines_that_are_no_samples(tmp_path, text, words):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read_samples(tmp_path / "s.csv")
