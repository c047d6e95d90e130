"""The Python code of the README and of every page of the docs, and a program that runs it.

`python pages.py FOLDER [NAME ...]` runs pages, all by default, in one process, each in a folder and
a namespace of its own, and prints what fails. A page that links to the README's example before its
first code continues it: it begins with the names of the README's program.
"""

import functools
import os
import pathlib
import re
import sys
import time
import traceback

import lean

ROOT = pathlib.Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
# `index.md` is the start of the site, and made of other pages.
PAGES = [README, *sorted(set(DOCS.glob("*.md")) - {DOCS / "index.md"})]
CONTINUES = "](../README.md#use-it)"

# The same code, for a shorter time.
SHORTER = [
    (r"data\.digits\(\)", "data.digits()[:704]"),
    (r"(keras_gan\.)?data\.digits\(labels=True\)", r"[part[:384] for part in \g<0>]"),
    (r"epochs=\d+", "epochs=1"),
    (r"\bsteps=20\b", "steps=2"),
    (r"epochs=1, batch_size=16\b", "epochs=1, batch_size=128"),
    (r"minutes=20", "minutes=0.01"),
    (r"image_size=64", "image_size=16"),
    (r"start_step=200", "start_step=2"),
]

# Pages whose games are those of recipes, or plain ones: `test_games.py` and other pages trace them.
EAGER = ("moving_over", "recipes")

# What must hold after a page's code.
CHECKS = {
    "README": """
import pathlib
assert samples.shape == (16, 8, 8, 1)
for name in ("samples.png", "runs/digits/epoch_0001.png", "runs/digits/generator/saved_model.pb"):
    assert pathlib.Path(name).exists(), name
""",
    "classes": "assert samples.shape == (3, 8, 8, 1)",
    "exporting": """
assert pictures.shape == (16, 8, 8, 1) and pictures.dtype == "uint8"
assert path.shape == (8, 8, 8, 1)
""",
    "fine_tuning": """
assert samples.shape == (16, 8, 8, 1) and not discriminator.layers[1].trainable
""",
    "moving_over": """
assert samples.shape == (16, 8, 8, 1) and sevens.shape == (3, 8, 8, 1)
assert translated.shape == (4, 8, 8, 1)
""",
    "recipes": "assert repaired.shape == (16, 8, 8, 1)",
    "points": "assert rows.shape == (500, 6)",
    "resuming": """
paths = [f"runs/digits/more/epoch_000{number}.npz" for number in (0, 1)]
groups = {"discriminator", "discriminator_optimizer", "generator", "generator_optimizer", "state"}
assert differing(paths[0], paths[0]) == [] and groups <= set(differing(*paths))
""",
    "stopping": "assert len(history) == 1",
    "your_own_game": """
assert decoded.shape == repaired.shape == dark_on_light.shape == samples.shape == (16, 8, 8, 1)
assert codes.shape == (16, 8) and found["encoded"].shape == (16, 16)
assert found["rebuilt"].shape == (16, 8, 8, 1) and bolder.shape == (5, 8, 8, 1)
""",
    "your_networks": "assert samples.shape == (16, 32, 32, 3)",
}


def blocks(page, language):
    """The code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def shortened(code):
    """The same code, for a shorter time."""
    for pattern, shorter in SHORTER:
        code = re.sub(pattern, shorter, code)
    return code


def program(page):
    """The page's Python code with its checks, shortened; empty where it has none."""
    code = shortened("\n".join(blocks(page, "python")))
    return code and f"{code}\n{CHECKS.get(page.stem, '')}"


def continues(page):
    """Whether the page's code goes on from the README's."""
    return CONTINUES in page.read_text().partition("```python")[0]


def main(folder, only=()):
    """Run all pages, or those of some names; the number of those that fail."""
    lean.import_tensorflow()
    # Graphs are run as they were traced: to optimize them takes longer than these few steps.
    lean.optimize_graphs(False)
    import numpy as np

    from keras_gan import AdversarialModel, images
    from keras_gan.callbacks import _report
    from keras_gan.recipes import plans

    _report._PANELS = _report._PANELS[:1]
    plans._CALLS, plans._MEASURED_EPOCHS = 1, 2
    compiled = AdversarialModel.compile
    eager = functools.partialmethod(compiled, run_eagerly=True)

    pictures = np.random.default_rng(0).integers(0, 256, (40, 40, 36, 3), dtype="uint8")
    of_readme, failed = {}, 0
    for page in PAGES:
        code, start = program(page), time.monotonic()
        if not code or only and page.stem not in only:
            continue
        place = folder / page.stem if page != README else folder / "readme"
        for number, picture in enumerate(pictures if "my_images" in code else ()):
            images.save_png(place / "my_images" / f"{number}.png", picture)
        place.mkdir(parents=True, exist_ok=True)
        os.chdir(place)
        AdversarialModel.compile = eager if page.stem in EAGER else compiled
        file = place / "program.py"
        file.write_text(code)
        names = dict(of_readme) if continues(page) else {}
        names["__name__"] = "__main__"
        try:
            exec(compile(code, file, "exec"), names)
        except Exception:
            failed += 1
            print(f"{page.name} fails:\n{traceback.format_exc()}", file=sys.stderr)
        if page == README:
            of_readme = names
        print(f"{page.name}: {time.monotonic() - start:.1f} s", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).absolute(), sys.argv[2:]))
