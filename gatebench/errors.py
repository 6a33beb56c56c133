"""The sentences that end a run, one class an exit code. Each message says what happened and what to do next."""


class GatebenchError(Exception):
    """Base of every error that a person is meant to read. `exit_code` is documented in docs/reference.md."""

    exit_code = 1


class UsageError(GatebenchError):
    """A knob, a value or a path that cannot be used: the person mends the command."""

    exit_code = 2


class MachineError(GatebenchError):
    """Something this machine lacks or holds: a port in use, no PostgreSQL, no Docker engine, a disk that is full."""

    exit_code = 3


class AppCheckError(GatebenchError):
    """The stack came up and the app did not do what a user needs: no load was sent."""

    exit_code = 4


class ServiceDiedError(GatebenchError):
    """A program of the stack ended while the run went on."""

    exit_code = 5


class SilentError(ServiceDiedError):
    """PostgreSQL lives and did not answer a question in the time that it was given."""


class LoadError(GatebenchError):
    """The load generator ended before its ramp did."""

    exit_code = 6


class BusyError(GatebenchError):
    """Another run holds the results folder."""

    exit_code = 7


class RunFolderError(GatebenchError):
    """A run folder that is missing, damaged or half written."""

    exit_code = 8


class GateError(GatebenchError):
    """A gate was missed: what was measured is worse than the limit that was given."""

    exit_code = 9


class InvalidError(GatebenchError):
    """A gate cannot be judged: the steps that it rests on are not valid, or were not measured."""

    exit_code = 10


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it (128 + SIGINT)."""
