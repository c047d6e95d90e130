"""What critics are shown in place of images: `augment=` of `compile`, for few training images.

With few images a critic memorises them, and its gradients no longer help the generator.
Augmentation changes what the critic sees, of real and of generated images alike, and gradients flow
through it: the generator is never shown an augmented image as its target (Zhao et al. 2020, Karras
et al. 2020). Validation, metrics and `score` see images as they are.

```python
gan.compile(augment=keras_gan.augment.DiffAugment("color,translation,cutout"))
gan.compile(augment=keras_gan.augment.Adaptive())
```

Any function `(tensors, seed, images_seen) -> tensors` does, too.
"""

from keras_gan.augment.adaptive import Adaptive
from keras_gan.augment.affine import Affine
from keras_gan.augment.augmentation import Augmentation
from keras_gan.augment.diff_augment import DiffAugment

__all__ = ["Adaptive", "Affine", "Augmentation", "DiffAugment"]
