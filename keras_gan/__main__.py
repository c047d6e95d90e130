"""`python -m keras_gan`: the command `keras-gan`."""

import sys

from keras_gan.command_line import main

if __name__ == "__main__":
    sys.exit(main())
