"""Which public methods of the client the steps themselves have called, so that none is forgotten."""

import functools
import inspect
import pathlib
import sys

_HERE = str(pathlib.Path(__file__).parent)
_called = {}


def public_methods(kind):
    """Names of the functions that a class offers to its users, inherited ones too."""
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


def called(kind):
    """Those of them that a step called; calls that the client makes of its own methods do not count."""
    return _called.get(kind, set())


def watch(kind):
    """Note from now on which methods of a class the steps call. Answers the class."""
    if kind in _called:
        return kind
    _called[kind] = set()
    for name in public_methods(kind):
        # Static methods and the like are left as they are: nothing of them reaches the hub.
        if inspect.isfunction(inspect.getattr_static(kind, name)):
            setattr(kind, name, _noting(getattr(kind, name), name, _called[kind]))
    return kind


def _noting(method, name, notes):
    @functools.wraps(method)
    def run(*args, **kwargs):
        if sys._getframe(1).f_code.co_filename.startswith(_HERE):
            notes.add(name)
        return method(*args, **kwargs)

    return run
