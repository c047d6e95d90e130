"""Runs that are disturbed and started again, and the run that they must be equal to."""

from benchmarks.claims.faults import Outcome, callback, differences, fit, gan, state, watching

EPOCHS = 4


def small(**settings):
    return gan(steps_per_execution=1, **settings)


def train(folder, *hooks, make=small, epochs=EPOCHS, **settings):
    """What a script does each time that it is started; `(model, seen)`."""
    from keras_gan import callbacks

    model = make()
    backup = callbacks.TrainingBackup(folder)
    with watching() as seen:
        fit(model, epochs=epochs, callbacks=[*hooks, backup], **settings)
    backup._settle()  # what a process that ends waits for, too
    return model, seen


_STRAIGHT = {}


def straight(place):
    """The state at the end of a run that nothing disturbs."""
    if not _STRAIGHT:
        _STRAIGHT.update(state(train(place / "straight")[0]))
    return _STRAIGHT


def begun(folder, epochs=2):
    """A run that has been cut off after some epochs."""

    def cut(epoch):
        if epoch == epochs:
            raise KeyboardInterrupt

    train(folder, callback(on_epoch_begin=cut))
    assert not (folder / "finished.npz").exists()


def goes_on(place, *hooks, first=None):
    """Disturb a run, start it again, and compare its end with that of the straight one."""
    _, before = train(place / "run", *hooks)
    model, after = train(place / "run")
    lost = "the run" if after.error is not None else differences(straight(place), state(model))
    words = " Started again: ".join(seen.words for seen in (before, after) if seen.words)
    return Outcome(words, lost, after.origin)


def untouched(place, call):
    """A start that must be refused and leave the backups as they were, so that nothing is lost."""
    folder = place / "run"
    before = {path.name: path.read_bytes() for path in folder.glob("*.npz")}
    _, seen = call()
    after = {path.name: path.read_bytes() for path in folder.glob("*.npz")}
    lost = "" if before == after else "backups"
    return Outcome(seen.words, lost if seen.error is not None else "it went on", seen.origin)
