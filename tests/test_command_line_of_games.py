"""The command `keras-gan` with models that are no `GAN`."""

import keras
import numpy as np

import helpers
from keras_gan import AdversarialModel, Critic, command_line, priors
from keras_gan.command_line import running, sources


def of_classes():
    """A game that draws all that its generator takes, a class among it."""
    latents, kind = keras.Input((2,), name="latents"), keras.Input((), dtype="int32", name="kind")
    made = keras.layers.Add()([latents, keras.layers.Embedding(3, 2)(kind)])
    critic = Critic(helpers.discriminator(), real="row", fake="generated")
    generator = keras.Model({"latents": latents, "kind": kind}, {"generated": made})
    drawn = {"latents": "normal", "kind": priors.Categorical(3)}
    return AdversarialModel(generator, critic, priors=drawn)


def of_data():
    """A game whose generator takes data."""
    given = keras.Input((2,), name="given")
    generator = keras.Model({"given": given}, {"made": keras.layers.Dense(2)(given)})
    return AdversarialModel(generator, Critic(helpers.discriminator(), real="row", fake="made"))


def test_samples_of_a_game_are_what_it_makes_of_draws_alone(tmp_path, monkeypatch, capsys):
    model = of_classes()
    model.class_names = ["a", "b", "c"]
    monkeypatch.setattr(sources, "model", lambda path: model)
    place = tmp_path / "samples.npy"
    arguments = ["sample", "run", "--num-samples", "3", "--output", str(place), "--seed", "2"]
    settings = {"seed": 2, "truncation": 0.5}
    for more, inputs in (([], None), (["--labels", "c"], {"kind": 2})):
        assert command_line.main([*arguments, "--truncation", "0.5", *more]) == running.DONE
        expected = model.generate(3, inputs=inputs, **settings)
        np.testing.assert_array_equal(np.load(place), expected)
    model = of_data()
    for more, told in (([], "model.generate(inputs=...)"), (["--labels", "1"], "takes data")):
        assert command_line.main([*arguments, *more]) == running.REFUSED
        assert told in capsys.readouterr().err
