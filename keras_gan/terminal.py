"""Output on the terminal: safe printing, and the progress of loops."""

import sys

# Seconds before the progress of a loop is shown, and between two lines in a file.
_DELAY, _REST = 3.0, 10.0


def tell(text, *, error=False):
    """Print a line; characters that the terminal cannot show are escaped.

    Paths may contain invalid characters, and terminals may support only ASCII. Neither may stop a
    run.

    Args:
        text: the line.
        error: whether it goes to standard error.
    """
    stream = sys.stderr if error else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    line = text.encode(encoding, "backslashreplace").decode(encoding)
    print(line, file=stream, flush=True)


def progress(items, what, *, total=None, unit="batches", verbose="auto"):
    """`items`, with a line on standard error that counts them once they take three seconds.

    Args:
        items: iterable.
        what: a short description of the loop.
        total: number of items; `None` if unknown or `len(items)`.
        unit: name of the items, plural.
        verbose: "auto" for terminals only, 1 or `True` for any standard error, 0 or `False` for
            none.
    """
    shown = bar(what, total=total, unit=unit, verbose=verbose, items=items)
    return items if shown is None else shown


def bar(what, *, total=None, unit="batches", verbose="auto", items=None):
    """The line of `progress`: `update(number)` counts, `close()` ends it; `None` for none."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    if not verbose or verbose == "auto" and not is_terminal:
        return None
    from tqdm import tqdm

    return tqdm(
        items,
        desc=what,
        total=total,
        unit=f" {unit}",
        delay=_DELAY,
        mininterval=0.1 if is_terminal else _REST,
        leave=not is_terminal,
        dynamic_ncols=True,
    )
