"""A critic whose logits stay where its images, or the latents behind them, are changed."""

import keras
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend.logits import per_sample, pointwise
from keras_gan.terms.augmented_term import AugmentedTerm
from keras_gan.terms.term import CriticTerm, critic_name, float32, joined, tensor_names


@keras.saving.register_keras_serializable("keras_gan")
class BalancedConsistency(AugmentedTerm):
    """Logits of changed images near those of the images themselves, on both sides (bCR).

    `(D(x) - D(T(x)))^2 + (D(G(z)) - D(T(G(z))))^2` per sample, in the critics' updates alone; `T`
    is the augmentation, with other draws in each update. Where the model has an `augment=` of its
    own, it is applied after `T`, by the same draws on all sides.

    Args:
        augmentation: a `keras_gan.augment.Augmentation`, such as `DiffAugment("translation")`. The
            paper mirrors and shifts by a few pixels. One whose probability follows reals must be
            the model's `augment=`, too.
        critic: name of the critic, or `None` (default) for the only one.
        weight: see `Term`. Default 10, as in the paper for both sides.
        every: see `Term`.
        name: default "balanced_consistency", with "_<critic>" where one is named.

    Raises:
        ValueError: if an argument is out of range; in `compile`, if the critic is shown no images,
            or if nothing moves the augmentation's probability.

    Source: Zhao et al., "Improved Consistency Regularization for GANs", AAAI 2021
    (arXiv:2002.04724).
    """

    def __init__(self, augmentation, critic=None, *, weight=10.0, every=1, name=None):
        name = joined("balanced_consistency", critic) if name is None else name
        options = {"weight": weight, "every": every, "name": name}
        super().__init__(augmentation, critic, example="DiffAugment('translation')", **options)

    def value(self, scene):
        judge, changed = scene.judge(self.critic), scene.augmented(self.augmentation, self.critic)
        return sum(
            _distance(judge.outputs(kind)["logits"], changed.outputs(kind)["logits"])
            for kind in judge.sides
        )


@keras.saving.register_keras_serializable("keras_gan")
class LatentConsistency(CriticTerm):
    """Close latents: logits that agree, and images that do not (zCR).

    In the critics' updates `(D(G(z)) - D(G(z + e)))^2` per sample; in the generator's
    `-spread * mean((G(z) - G(z + e))^2)`, the mean over a sample. The generator makes both images
    from inputs that are drawn:

    ```python
    z, e = keras.Input((64,), name="latents"), keras.Input((64,), name="step")
    outputs = {"made": decoder(z), "near": decoder(z + 0.03 * e)}
    model = keras_gan.AdversarialModel(
        keras.Model({"latents": z, "step": e}, outputs),
        keras_gan.Critic(network, real="image", fake="made"),
        priors={"latents": "normal", "step": "normal"},
    )
    model.compile(terms=[keras_gan.terms.LatentConsistency("made", "near")])
    ```

    The critic judges `near` under the condition of its real side, so that a condition must be the
    same on both.

    Args:
        made: name of the generator's output that the critic is shown as generated.
        near: name of the output from latents nearby.
        critic: name of the critic, or `None` (default) for the only one.
        spread: weight in the generator's loss over that in the critics', at least 0. Default 0.1:
            the paper takes 5 for critics and 0.5 for the generator.
        weight: see `Term`. Default 5.
        every: see `Term`.
        name: default "latent_consistency", with "_<critic>" where one is named.

    Raises:
        ValueError: if an argument is out of range.

    Source: Zhao et al., "Improved Consistency Regularization for GANs", AAAI 2021
    (arXiv:2002.04724).
    """

    def __init__(self, made, near, critic=None, *, spread=0.1, weight=5.0, every=1, name=None):
        self.made, self.near = tensor_names(made=made, near=near)
        self.critic = critic_name(critic)
        self.spread = _checks.number(spread, "spread", minimum=0.0)
        name = joined("latent_consistency", critic) if name is None else name
        super().__init__(weight, player="both", every=every, name=name)

    @property
    def reads(self):
        return (self.made, self.near)

    def value(self, scene):
        if scene.player == "discriminator":
            return _distance(*(scene.score(self.critic, name)["logits"] for name in self.reads))
        made, near = (float32(scene[name]) for name in self.reads)
        return -self.spread * per_sample(tf.square(made - near))

    def get_config(self):
        config = super().get_config()
        del config["player"]
        own = {"made": self.made, "near": self.near, "critic": self.critic, "spread": self.spread}
        return {**own, **config}


def _distance(logits, others):
    return per_sample(pointwise(lambda a, b: tf.square(a - b), logits, others))
