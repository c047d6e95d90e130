"""Pictures of results, written whole or not at all."""

import os


def picture(path, draw, *arguments, size=(8.0, 3.6)):
    """Let `draw(*arguments, figure)` fill a figure, and save it.

    Args:
        path: of the PNG file.
        draw: callable.
        *arguments: for it.
        size: width and height in inches.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=size, layout="constrained")
    draw(*arguments, figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    figure.savefig(temporary, dpi=80, format="png")
    os.replace(temporary, path)
    pyplot.close(figure)
