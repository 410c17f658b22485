"""Expecting the right exception."""

import contextlib


@contextlib.contextmanager
def raises(kind, *, status=None, text=None, but_not=()):
    """The block must raise `kind`, with this HTTP status and this text in its message, and none of `but_not`."""
    try:
        yield
    except Exception as error:
        assert isinstance(error, kind), f"{type(error).__name__} instead of {kind.__name__}: {error}"
        assert not isinstance(error, but_not), f"{type(error).__name__} was raised: {error}"
        assert status is None or status_of(error) == status, f"status {status_of(error)}: {error}"
        assert text is None or text in str(error), f"without {text!r}: {error}"
    else:
        raise AssertionError(f"{kind.__name__} was not raised")


def status_of(error):
    response = getattr(error, "response", None)
    return None if response is None else response.status_code
