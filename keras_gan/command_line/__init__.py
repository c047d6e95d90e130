"""The command `keras-gan`.

Exit codes: 0 done; 1 an error of the program; 2 arguments or data that make no sense, or a path
that cannot be read or written; 3 the run has failed by its verdict; 130 interrupted.
"""

import contextlib
import importlib.util
import warnings

from keras_gan import _version, terminal
from keras_gan.command_line import commands, running

_COMMANDS = ("train", "resume", "sample", "evaluate", "export", "report", "doctor")


def main(arguments=None):
    """Run the command with a list of arguments, by default those of the process.

    Returns:
        The exit code, see the module.
    """
    if importlib.util.find_spec("cyclopts") is None:
        terminal.tell(
            "`keras-gan` needs a package that is not installed. Use "
            "`pip install 'keras-gan[cli]'`.",
            error=True,
        )
        return running.REFUSED
    import cyclopts

    app = cyclopts.App(
        name="keras-gan",
        help="Train two networks against each other, and be told when to stop.",
        version=_version.__version__,
        result_action="return_value",
        default_parameter=cyclopts.Parameter(consume_multiple=True),  # `--labels 0 1`
    )
    for name in _COMMANDS:
        app.command(getattr(commands, name), name=name)
    app.command(commands.list_recipes, name="recipes")
    try:
        with _warnings_in_a_line():
            return app(arguments, exit_on_error=False) or running.DONE
    except cyclopts.CycloptsError:
        return running.REFUSED  # told already
    except KeyboardInterrupt:
        return running.INTERRUPTED
    except (ValueError, TypeError, ImportError, OSError) as error:
        terminal.tell(f"keras-gan: {error}", error=True)
        return running.REFUSED


@contextlib.contextmanager
def _warnings_in_a_line():
    """Show warnings without the line of code that they come from, which nobody here has written."""
    before = warnings.formatwarning
    warnings.formatwarning = lambda message, *place, **line: f"keras-gan: warning: {message}\n"
    try:
        yield
    finally:
        warnings.formatwarning = before
