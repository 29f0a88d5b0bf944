"""What the device does for who has one: seconds for a graph, milliseconds for an edge, at its pins; and what a CPU does
in the same time. Then the four paths that lead there."""

from .markup import DASH, Html, figure, join, note, number, section, table, tag
from .overview import overview
from .results import ResultFile, Results

__all__ = ["pins", "user_tiles"]


def user_tiles(results: Results) -> list[tuple[str, str]]:
    """The numbers of the top of the page that a user meets: each big, and what it is."""
    board, lora = results["demo-board.json"], results["demo-lora-board.json"]
    found = []
    if board:
        seconds, walks, edge = (board.number(f"board.{name}") for name in ("seconds.fit", "walks", "edge_ms"))
        if seconds is not None and walks is not None:
            found.append((f"{number(seconds)} s", f"a whole graph, Cora, {walks:,.0f} walks: at the board's pins"))
        if edge is not None:
            found.append((f"{number(edge)} ms", "an edge that comes or goes, with 10 walks: at the board's pins"))
    if lora and (seconds := lora.number("lora.seconds.finetune")) is not None:
        found.append((f"{number(seconds)} s", "fine-tuning to turned digits, whole: at the board's pins"))
    return found


def pins(results: Results) -> Html:
    """The first section: the picture, the times at the pins, the paths."""
    board, lora, bench, users = (
        results[f"{name}.json"] for name in ("demo-board", "demo-lora-board", "bench", "users")
    )
    picture = tag("div", overview(), class_="scroll", tabindex="0", role="region", aria_label="Edges in, vectors out")
    return section(
        "pins",
        "What it does",
        tag("figure", picture, class_="wide"),
        _graph(board, bench) if board else note(board.problem),
        _finetuning(lora, bench) if lora else note(lora.problem),
        _paths(users) if users else note(users.problem),
    )


def _graph(board: ResultFile, bench: ResultFile) -> Html:
    """At the pins, and beside each row what the same takes on one CPU core, where that was measured."""
    value = board.number
    walks, seconds = value("board.walks"), value("board.seconds.fit")
    if walks is None or seconds is None:
        return note(f"{board.name} has no times")
    body = [["the whole graph, first byte sent to last walk trained", f"{number(seconds)} s", ""]]
    lines: list[str | None] = [None]
    for name, what in (
        ("oselm.walk_us.cpu_float32", "the same walks on one CPU core, best C"),
        ("oselm.walk_us.cpu_loops", "the same walks on one CPU core, plain C loops"),
        ("oselm.walk_us.numba", "the same walks on one CPU core, Numba"),
        ("sgns.walk_us.gensim_1_thread", "as many walks by node2vec as it is used, gensim, one thread"),
    ):
        us = bench.number(name) if bench else None
        if us is not None:
            cpu = walks * us / 1e6
            faster = f"the CPU is {number(seconds / cpu)} times as fast"
            body.append(
                [
                    what,
                    f"{number(cpu)} s",
                    faster if cpu < seconds else f"the board is {number(cpu / seconds)} times as fast",
                ]
            )
            lines.append("lost" if cpu < seconds else None)
    median, worst, edges = value("board.edge_ms"), value("board.edge_ms.worst"), value("board.edges")
    if median is not None and edges is not None:
        said = f"worst of {edges:,.0f}: {number(worst)} ms" if worst is not None else ""
        body.append(["an edge that comes or goes, with 10 walks, median", f"{number(median)} ms", said])
        sent, received = value("board.edge_bytes"), value("board.edge_bytes_received")
        if sent is not None and received is not None:
            body.append(["bytes for that edge", f"{sent:.0f}", f"{received:.0f} come back"])
    if (read := value("board.seconds.read_all")) is not None:
        said = "as long as most of the training: the line is what it takes" if read > seconds / 2 else ""
        body.append(["all vectors read", f"{number(read)} s", said])
    if (equal := value("board.bits_equal")) is not None:
        body.append(["rows and P are the golden model's to the bit", "yes" if equal else "NO", ""])
    lines += [None] * (len(body) - len(lines))
    clock, baud = value("board.clock"), value("board.baud")
    if clock is not None and baud is not None:
        title = f"A graph: Cora, at the pins of a simulated board of {clock:g} MHz on a line of {baud / 1e6:g} Mbaud"
    else:
        title = "A graph: Cora, at the pins of a simulated board"
    shown = table(["", "", ""], body, caption=title, lines=lines)
    said = "The CPU's times are of walks alone, from the bench: walks times microseconds; no line, no graph to be sent."
    return figure(
        title, join([shown, tag("p", said, class_="facts")]), *((board, bench) if bench else (board,)), class_="wide"
    )


def _finetuning(lora: ResultFile, bench: ResultFile) -> Html:
    value = lora.number
    seconds, line, cycles = (value(f"lora.{name}") for name in ("seconds.finetune", "seconds.line", "cycles.finetune"))
    body = []
    if seconds is not None:
        said = f"{number(line)} s of it the line, with samples and network" if line is not None else ""
        body.append(["network and samples sent, 30 epochs, all reports back", f"{number(seconds)} s", said])
    if cycles is not None:
        body.append(["clock cycles of the unit for that", f"{cycles:,.0f}", ""])
    ratio = bench.number("lora.digits.ratio.same_work") if bench else None
    lines: list[str | None] = [None] * len(body)
    if ratio:
        won = ratio >= 1
        times = number(ratio if won else 1 / ratio)
        who = "the core" if won else "the CPU"
        body.append(["a sample, best C on one CPU core against the core", f"{times} times", f"as fast is {who}"])
        lines.append(None if won else "lost")
    for name, what, form in (
        ("lora.accuracy", "accuracy afterwards", "{:.1%}"),
        ("lora.seconds.read_adapters", "adapters read, s", "{:.3f}"),
        ("lora.bytes.finetune", "bytes sent", "{:,.0f}"),
    ):
        if (found := value(name)) is not None:
            body.append([what, form.format(found), ""])
    lines += [None] * (len(body) - len(lines))
    if not body:
        return note(f"{lora.name} has no times")
    title = "Fine-tuning: scikit-learn's digits, turned, at the pins of a simulated board"
    shown = table(["", "", ""], body, caption=title, lines=lines)
    return figure(title, shown, *((lora, bench) if bench else (lora,)), class_="wide")


def _paths(users: ResultFile) -> Html:
    """What was done from an installed wheel in an empty folder, as the pages say it."""
    pages = users.provenance.get("pages", {})
    body = []
    for match, entry in users.matching(r"users\.(\w+)\.commands"):
        name = match[1]
        seconds, done = users.number(f"users.{name}.seconds"), users.number(f"users.{name}.done")
        last = users.value(f"users.{name}.last")
        page = str(pages.get(name, "")) if isinstance(pages, dict) else ""
        took = DASH if seconds is None else number(seconds)
        cpu = users.number(f"users.{name}.cpu_seconds")
        body.append(
            [
                name,
                page,
                entry.value,
                took,
                DASH if cpu is None else number(cpu),
                str(last or DASH) if done else f"FAILED: {last}",
            ]
        )
    users.number("users.install.seconds")
    head = ["path", "page", "commands", "s", "of the CPU, s", "printed last"]
    shown = table(head, body, caption="Four paths, as their pages tell them", lines=[None] * len(body))
    return figure("Four users: what their pages say, done from a wheel in an empty folder", shown, users, class_="wide")
