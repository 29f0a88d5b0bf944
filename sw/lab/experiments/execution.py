"""Trials to where they run: processes of this machine, or the workers of a Dask cluster. Results come as they end."""

import multiprocessing
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from threadpoolctl import threadpool_limits

from ...errors import InputError
from .experiment import Experiment, Outcome, Trial

__all__ = ["Failure", "Results", "Success", "run_local", "run_on_cluster", "run_trial"]


@dataclass(frozen=True)
class Success:
    """A trial that ended, and the processor time it took."""

    outcome: Outcome
    cpu_seconds: float


@dataclass(frozen=True)
class Failure:
    """A trial that did not end: why, in a line, and the traceback, if there is one."""

    reason: str
    traceback: str = ""


#: Trials with what came of them, in the order in which they end.
Results = Generator[tuple[Trial, Success | Failure], None, None]


def run_trial(experiment: Experiment, params: Mapping[str, Any], seed: int, data: Any, code: str) -> Success | Failure:
    """One run on one thread, here and now. ``code`` is the digest of the sources that the sender expects."""
    try:
        if experiment.code != code:
            raise RuntimeError(
                f"this worker has other sources ({experiment.code}, not {code}); install the same commit"
            )
        with threadpool_limits(1):
            start = time.process_time()
            outcome = experiment.run(params, seed, data)
            return Success(outcome, time.process_time() - start)
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


def run_local(work: Sequence[tuple[Trial, Any]], jobs: int) -> Results:
    """Run trials, each with its data, in ``jobs`` processes; a process that dies is replaced.

    Closing the iterator, or an exception in the caller, ends the processes at once.
    """
    context = multiprocessing.get_context("spawn")
    waiting = deque(work)
    processes: dict[connection.Connection, Any] = {}
    busy: dict[connection.Connection, Trial] = {}
    try:
        while waiting or busy:
            while waiting and len(processes) < min(jobs, len(work)):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs,), daemon=True)
                with _without_interrupts():
                    process.start()
                theirs.close()
                processes[ours] = process
            for pipe in [p for p in processes if p not in busy]:
                if waiting:
                    trial, data = waiting.popleft()
                    busy[pipe] = trial
                    _send(pipe, (trial.experiment, trial.point.params, trial.seed, data, trial.experiment.code))
            for ready in connection.wait(list(busy)):
                assert isinstance(ready, connection.Connection)
                trial = busy.pop(ready)
                try:
                    result: Success | Failure = ready.recv()
                except (EOFError, OSError):
                    process = processes.pop(ready)
                    process.join()
                    ready.close()
                    result = Failure(f"its process died (exit code {process.exitcode})")
                yield trial, result
    finally:
        for pipe, process in processes.items():
            pipe.close()
            if pipe in busy:
                process.terminate()
        for process in processes.values():
            process.join()


def _send(pipe: connection.Connection, message: Any) -> None:
    # A process that has died is noticed when its answer is read.
    with suppress(BrokenPipeError):
        pipe.send(message)


def _serve(pipe: connection.Connection) -> None:
    """A process: trials in, results out, until the other end closes."""
    # An orderly exit: what is registered for it gives back the semaphores of progress bars.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    while True:
        try:
            message = pipe.recv()
        except EOFError:
            return
        pipe.send(run_trial(*message))


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ctrl-C waits until the end of the block; a process that is started meanwhile never gets it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_on_cluster(work: Sequence[tuple[Trial, Any]], address: str) -> Results:
    """As :func:`run_local`, on the workers of the Dask scheduler at ``address``; they need the same skipwalk.

    Raises InputError if Dask is not installed or nobody answers there.
    """
    try:
        from distributed import Client, as_completed
    except ModuleNotFoundError:
        raise InputError('--scheduler needs Dask: pip install "skipwalk[cluster]"; or use --jobs') from None
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {address}: {error}") from error
    try:
        # Data that trials share travel once to each worker.
        shared = {id(data): client.scatter(data, broadcast=True) for data in {id(d): d for _, d in work}.values()}
        futures = {
            client.submit(
                run_trial,
                trial.experiment,
                trial.point.params,
                trial.seed,
                shared[id(data)],
                trial.experiment.code,
                key=trial.key,
                pure=False,
            ): trial
            for trial, data in work
        }
        for future in as_completed(futures):
            broken = future.exception()
            yield futures[future], future.result() if broken is None else Failure(f"{type(broken).__name__}: {broken}")
    finally:
        # Closing gives up the futures, and with them what has not begun.
        client.close()
